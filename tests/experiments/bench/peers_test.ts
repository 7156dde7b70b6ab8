/** What stands between a peer and the table: that its losses are ours, and what goes to and comes from PyTorch. No peer is run. */
import assert from "node:assert/strict";
import { requireAgreement } from "../../../experiments/bench/peers/agreement.ts";
import type { PeerStart, PeerTask } from "../../../experiments/bench/peers/peer.ts";
import { measurePeer } from "../../../experiments/bench/peers/peers.ts";
import { encodeTask, parseReply } from "../../../experiments/bench/peers/torch.ts";

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
  timing: { rounds: 1, roundSeconds: 0.1, limitSeconds: 1 },
};
const measured = (losses: number[][]) => ({ what: "peer", ms_per_step: 1, runs: losses.length, losses });
const reason = (losses: number[][], tolerance?: number) => {
  const result = requireAgreement(measured(losses), starts, tolerance);
  return "absent" in result ? result.absent : undefined;
};

Deno.test("requireAgreement() takes losses within the tolerance, each run's against those of its start", () => {
  assert.equal(reason([[5.0004, 4], [3, 2.0001], [5, 4]]), undefined);
  assert.equal(reason([[5.04, 4]], 0.01), undefined);
});

Deno.test("requireAgreement() names the run and the step whose loss is another", () => {
  assert.equal(
    reason([[5, 4], [3, 2.01]]),
    "its losses disagree with ours: run 1, step 1: 2.010000, must be 2.000000 within 0.0001",
  );
  assert.match(reason([[5, 4], [5, 4]])!, /run 1, step 0/, "runs that are mixed up");
});

Deno.test("requireAgreement() refuses losses that are no numbers, and too few of them", () => {
  assert.match(reason([[NaN, 4]])!, /run 0, step 0: NaN/);
  assert.match(reason([[5]])!, /run 0 has 1, must be 2/);
  const short = requireAgreement({ ...measured([[5, 4]]), runs: 2 }, starts);
  assert.match("absent" in short ? short.absent : "", /of 1 runs, must be 2/);
});

Deno.test("measurePeer() reports a peer that disagrees instead of its time, and passes an absent one on", async () => {
  const peer = (result: Awaited<ReturnType<Parameters<typeof measurePeer>[0]["measure"]>>) =>
    measurePeer({ what: "peer", device: "cpu", measure: () => Promise.resolve(result) }, task);
  assert.equal("ms_per_step" in await peer(measured([[5, 4]])), true);
  assert.equal("ms_per_step" in await peer(measured([[5, 4.1]])), false);
  assert.deepEqual(await peer({ what: "peer", absent: "not here" }), { what: "peer", absent: "not here" });
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
  const { runs: alone, needs_cuda: cuda } = JSON.parse(new TextDecoder().decode(encodeTask(task, { graph: true })[0]));
  assert.deepEqual({ alone, cuda }, { alone: 1, cuda: true });
});

Deno.test("parseReply() reads the last line that PyTorch printed, or says that it is no JSON", () => {
  const reply = { version: "2.0", where: "cpu", runs: 1, ms_per_step: 3, losses: [[5, 4]] };
  const got = parseReply("eager", `a warning\n${JSON.stringify(reply)}\n`);
  assert.deepEqual(got, { what: "PyTorch 2.0 eager, cpu", runs: 1, ms_per_step: 3, losses: [[5, 4]] });
  assert.throws(() => parseReply("eager", "Segmentation fault"), /its answer is no JSON: Segmentation fault/);
  assert.throws(() => parseReply("eager", "{}"), /the answer of torch_step.py/);
});
