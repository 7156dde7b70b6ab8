/** Shares of a list: complete, disjoint, balanced, and the same for whoever asks. */
import assert from "node:assert/strict";
import { runCosts } from "../../../experiments/study/run_cost.ts";
import { parseShard, shardInWords, sharesOf } from "../../../experiments/study/shard.ts";
import { initStudy } from "../../../experiments/study/init_study.ts";
import { tempFolder } from "../folder.ts";

Deno.test("parseShard() reads i/K, and says what it must be", () => {
  assert.deepEqual(parseShard("2/3"), { index: 2, count: 3 });
  assert.deepEqual(parseShard(" 1 / 1 "), { index: 1, count: 1 });
  assert.equal(shardInWords({ index: 2, count: 3 }), "2/3");
  for (const wrong of ["", "3", "0/3", "4/3", "1/0", "-1/3", "1.5/3", "1/3/4", "a/b", "1/10001", "1e0/3", "٣/٤"]) {
    assert.throws(() => parseShard(wrong), /must be i\/K, the share i of K: whole numbers from 1/, wrong);
  }
});

const runs = Array.from({ length: 20 }, (_, i) => ({ key: `run ${i}`, cost: (i * 7) % 11 + 1 }));
const costOf = ({ cost }: { cost: number }) => cost;

Deno.test("sharesOf() gives each run to one share, and keeps the list's order within it", () => {
  for (const count of [1, 2, 3, 7, 20, 30]) {
    const shares = sharesOf(runs, count, costOf);
    assert.equal(shares.length, count);
    assert.deepEqual(shares.flat().map(({ key }) => key).sort(), runs.map(({ key }) => key).sort());
    for (const share of shares) assert.deepEqual(share, runs.filter((run) => share.includes(run)));
  }
});

Deno.test("sharesOf() balances by cost, not by number, within the bound of LPT", () => {
  for (const count of [2, 3, 5, 7]) {
    const loads = sharesOf(runs, count, costOf).map((share) => share.reduce((sum, { cost }) => sum + cost, 0));
    const total = loads.reduce((sum, load) => sum + load, 0), least = Math.max(total / count, 11);
    assert.ok(Math.max(...loads) <= (4 / 3) * least, `${loads} of ${total}`);
    assert.ok(Math.max(...loads) - Math.min(...loads) <= 11, `${loads}: no run could move`);
  }
  const [dear, cheap] = sharesOf(
    [
      { key: "a", cost: 10 },
      ...Array.from({ length: 9 }, (_, i) => ({
        key: `b${i}`,
        cost: 1,
      })),
    ],
    2,
    costOf,
  );
  assert.deepEqual([dear.length, cheap.length], [1, 9]);
});

Deno.test("sharesOf() does not depend on the order of the list but for the order within shares", () => {
  const keys = (list: typeof runs) => sharesOf(list, 3, costOf).map((share) => share.map(({ key }) => key).sort());
  assert.deepEqual(keys(runs.toReversed()), keys(runs));
});

Deno.test("runCosts() weighs a run by its parameters and by what it reads", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const { study } = await initStudy({
    dir,
    experiment: "01",
    levels: { n_layers: [1, 3], state_size: [8, 32] },
    seeds: 2,
  });
  const runs = await study.runs("01"), costOf = runCosts(study, "01");
  const mean = (layers: number, size: number) => {
    const some = runs.filter(({ entry: { config } }) => config.n_layers === layers && config.state_size === size);
    return some.reduce((sum, run) => sum + costOf(run), 0) / some.length;
  };
  assert.ok(mean(3, 32) > mean(1, 32) && mean(1, 32) > mean(3, 8) && mean(3, 8) > mean(1, 8));
  const [first] = runs, twin = runs.find(({ entry, seed }) => entry.id === first.entry.id && seed === 1)!;
  assert.equal(costOf(first), costOf(twin));
  const loads = sharesOf(runs, 5, costOf).map((share) => share.reduce((sum, run) => sum + costOf(run), 0));
  assert.ok(Math.max(...loads) / Math.min(...loads) < 1.05, `${loads}`);
});
