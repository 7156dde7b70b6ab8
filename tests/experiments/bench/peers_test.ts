/** What stands between a peer and the table: that its losses are ours, and what goes to and comes from PyTorch. No peer is run. */
import assert from "node:assert/strict";
import { disagreement } from "../../../experiments/bench/peers/agreement.ts";
import type { PeerStart, PeerTask } from "../../../experiments/bench/peers/peer.ts";
import { measurePeer } from "../../../experiments/bench/peers/peers.ts";
import { encodeTask, keepFastest, parseTrained, replyIn } from "../../../experiments/bench/peers/torch.ts";

const start = (losses: number[], weight = 0): PeerStart => ({
  weights: new Map([["w", { shape: [1, 2], values: new Float32Array([weight, weight + 1]) }]]),
  losses,
});
const starts = [start([5, 4]), start([3, 2], 7)];
const task: PeerTask = {
  sizes: { n_layers: 1, state_size: 2, vocabulary: 256, batch: 3 },
  starts,
  text: new Uint8Array([1, 2, 3, 4, 5, 6]),
  runs: 3,
};
const trained = (losses: number[][]) => ({ what: "peer", runs: losses.length, losses });
const reason = (losses: number[][], tolerance?: number) => disagreement(trained(losses), starts, tolerance)?.absent;

Deno.test("disagreement() takes losses within the tolerance, each run's against those of its start", () => {
  assert.equal(reason([[5.0004, 4], [3, 2.0001], [5, 4]]), undefined);
  assert.equal(reason([[5.04, 4]], 0.01), undefined);
});

Deno.test("disagreement() names the run and the step whose loss is another", () => {
  assert.equal(
    reason([[5, 4], [3, 2.01]]),
    "its losses disagree with ours: run 1, step 1: 2.010000, must be 2.000000 within 0.0001",
  );
  assert.match(reason([[5, 4], [5, 4]])!, /run 1, step 0/, "runs that are mixed up");
});

Deno.test("disagreement() refuses losses that are no numbers, and too few of them", () => {
  assert.match(reason([[NaN, 4]])!, /run 0, step 0: NaN/);
  assert.match(reason([[5]])!, /run 0 has 1, must be 2/);
  assert.match(disagreement({ ...trained([[5, 4]]), runs: 2 }, starts)!.absent, /of 1 runs, must be 2/);
});

Deno.test("measurePeer() lets a peer take turns with as many runs of ours, and closes both", async () => {
  const log: string[] = [];
  const contender = (name: string, ms: number) => ({
    name,
    round: (steps: number) => Promise.resolve(log.push(`${name} ${steps}`) && ms),
    close: () => Promise.resolve(void log.push(`${name} closed`)),
  });
  const open = (losses: number[][]) => () => Promise.resolve({ ...trained(losses), ...contender("peer", 30) });
  const measure = (peer: Parameters<typeof measurePeer>[0]["open"]) =>
    measurePeer(
      { what: "peer", device: "cpu", open: peer },
      task,
      (runs) => Promise.resolve(contender(`ours of ${runs}`, 20)),
      {
        rounds: 3,
        roundSeconds: 0.06,
        limitSeconds: 60,
      },
    );
  assert.deepEqual(await measure(open([[5, 4], [3, 2]])), {
    what: "peer",
    runs: 2,
    ms_per_step: 30,
    ours_ms_per_step: 20,
    ratio: 1.5,
  });
  const rounds = ["ours of 2 3", "peer 2"];
  assert.deepEqual(log.slice(4), [...rounds, ...rounds, ...rounds, "ours of 2 closed", "peer closed"]);

  log.length = 0;
  const wrong = await measure(open([[5, 4.1]]));
  assert.match("absent" in wrong ? wrong.absent : "", /its losses disagree/);
  assert.deepEqual(log, ["peer closed"], "a peer that disagrees is not measured");
  assert.deepEqual(await measure(() => Promise.resolve({ what: "peer", absent: "not here" })), {
    what: "peer",
    absent: "not here",
  });
  const broken = () =>
    Promise.resolve({
      ...trained([[5, 4]]),
      ...contender("peer", 1),
      round: () => Promise.reject(new Error("it broke")),
    });
  assert.deepEqual(await measure(broken), { what: "peer", absent: "it broke" });
});

Deno.test("encodeTask() writes a line of JSON, the weights of each start, the text", () => {
  const [header, first, second, text, ...rest] = encodeTask(task, { vmap: true });
  const line = new TextDecoder().decode(header);
  assert.equal(line.indexOf("\n"), line.length - 1);
  const { shapes, runs, checked, needs_cuda } = JSON.parse(line);
  assert.deepEqual({ shapes, runs, checked, needs_cuda }, {
    shapes: [["w", [1, 2]]],
    runs: 3,
    checked: 2,
    needs_cuda: false,
  });
  assert.deepEqual([...new Float32Array(first.buffer), ...new Float32Array(second.buffer)], [0, 1, 7, 8]);
  assert.deepEqual([...text], [1, 2, 3, 4, 5, 6]);
  assert.equal(rest.length, 0);
  const { runs: alone, needs_cuda: cuda, threads } = JSON.parse(
    new TextDecoder().decode(encodeTask(task, { graph: true }, 4)[0]),
  );
  assert.deepEqual({ alone, cuda, threads }, { alone: 1, cuda: true, threads: 4 });
});

Deno.test("keepFastest() keeps the number of threads whose steps take least, says so, and closes the others", async () => {
  const log: string[] = [];
  const open = (threads: number | undefined, ms: number) => ({
    ...trained([[5, 4]]),
    what: "PyTorch 2.0 eager, cpu",
    threads,
    round: () => Promise.resolve(ms),
    close: () => Promise.resolve(void log.push(`${threads} closed`)),
  });
  const kept = await keepFastest([open(4, 30), open(2, 10), open(1, 20)]);
  assert.equal(kept.what, "PyTorch 2.0 eager, cpu, 2 threads, the fastest of 1, 2 and 4");
  assert.equal(await kept.round(1), 10);
  assert.deepEqual(log, ["4 closed", "1 closed"]);
  assert.equal((await keepFastest([open(1, 30)])).what, "PyTorch 2.0 eager, cpu, 1 thread");
  assert.equal((await keepFastest([open(undefined, 30)])).what, "PyTorch 2.0 eager, cpu", "a GPU");
});

Deno.test("replyIn() finds the answers among what PyTorch prints, and parseTrained() reads the first", () => {
  const reply = { version: "2.0", where: "cpu", runs: 1, losses: [[5, 4]] };
  assert.equal(replyIn("a warning"), undefined);
  const got = parseTrained("eager", replyIn(`reply: ${JSON.stringify(reply)}`));
  assert.deepEqual(got, { what: "PyTorch 2.0 eager, cpu", runs: 1, losses: [[5, 4]] });
  assert.equal(parseTrained("eager", { ...reply, threads: 2 }).threads, 2);
  assert.throws(() => replyIn("reply: Segmentation fault"), /its answer is no JSON: reply: Segmentation fault/);
  assert.throws(() => parseTrained("eager", {}), /the answer of torch_step.py/);
});
