/** Turns: as many at a time as there are, in the order in which they were asked for, and none lost to a signal. */
import assert from "node:assert/strict";
import { Turns } from "../../../experiments/session/turns.ts";

const { signal: never } = new AbortController();

/** Lets what waits go on. */
const settle = () => new Promise<void>((resolve) => setTimeout(resolve));

Deno.test("as many turns are taken at a time as there are, the others in the order in which they were asked for", async () => {
  const turns = new Turns(2), order: number[] = [], all = [0, 1, 2, 3].map(() => turns.next());
  all.forEach((turn, i) => void turn.take(never).then(() => order.push(i)));
  await settle();
  assert.deepEqual(order, [0, 1]);
  all[1][Symbol.dispose]();
  await settle();
  assert.deepEqual(order, [0, 1, 2]);
  all[0][Symbol.dispose]();
  await settle();
  assert.deepEqual(order, [0, 1, 2, 3]);
});

Deno.test("a turn is taken once and given back once", async () => {
  const turns = new Turns(1), first = turns.next(), second = turns.next(), third = turns.next();
  await first.take(never);
  await first.take(never);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  await second.take(never);
  let isThird = false;
  void third.take(never).then(() => isThird = true);
  await settle();
  assert.equal(isThird, false, "two have the only turn");
  second[Symbol.dispose]();
  await settle();
  assert.equal(isThird, true);
});

Deno.test("a signal ends the waiting, and the turn goes to the next one", async () => {
  const turns = new Turns(1), first = turns.next(), second = turns.next(), third = turns.next();
  await first.take(never);
  const stop = new AbortController(), waiting = second.take(stop.signal);
  let isThird = false;
  void third.take(never).then(() => isThird = true);
  // The signal and the turn in the same moment.
  stop.abort();
  first[Symbol.dispose]();
  await waiting;
  await settle();
  assert.equal(isThird, true, "the turn was lost");
  second[Symbol.dispose]();
  // One whose signal came before it asked takes none: the next one gets it at once.
  await turns.next().take(AbortSignal.abort());
  third[Symbol.dispose]();
  let isFourth = false;
  void turns.next().take(never).then(() => isFourth = true);
  await settle();
  assert.equal(isFourth, true, "the turn was lost");
});
