/** Runs that go several steps back, on the real command line. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { shortCorpus } from "./corpus_file.ts";
import { succeed, task } from "./tasks.ts";

Deno.test("init, train and status take runs that go several steps back, and cells to compare them with", async () => {
  const dir = await Deno.makeTempDir(), at = ["--dir", join(dir, "study")], text = ["--corpus", shortCorpus(dir)];
  try {
    const small = "--state-size 8 --layers 1 --batch 8 --history 101 --steps 300 --seeds 1 --bptt 1,4".split(" ");
    const one = "use_input_gate=false,use_output_gate=false,use_state_gate=false,use_forget_gate=true," +
      "use_old_state=false,use_residual=true";
    const made = await succeed("init", ...at, ...text, ...small, "--only", one);
    assert.match(
      made,
      /\n {2}1 layer × 8, forget gate \+ new state \+ residual, 1 step back\n.*, 4 steps back\n2 new runs/,
    );
    assert.match(made, /\nAt equal bytes read: 300 updates with 1 step back, 75 updates with 4 steps back\n/);
    assert.match(made, /\nEach: 1 seed, 300 steps of a run with 1 step back, batch 8, history 101 bytes\n/);
    assert.match(await succeed("init", ...at, "--cells", "gru,lstm"), /\n {2}1 layer × 8, gru, 4 steps back\n/);
    const trained = await succeed("train", ...at, "--engine", "onnx", "--only", "bptt=4,cell!=lstm");
    assert.match(trained, /^Training 2 runs of 75 updates \(4 steps back\) on onnx .*\n/);
    assert.match(trained, /nats\/byte, 75 updates in .*\n/);
    assert.match(trained, /2 runs finished, 0 failed/);
    const status = JSON.parse(await succeed("status", ...at, "--json"));
    assert.deepEqual([status.done, status.waiting, status.steps_by_bptt], [2, 4, { 1: 300, 4: 75 }]);
    const updates = await succeed("init", ...at, "--budget", "updates");
    assert.match(
      updates,
      /\nAt equal updates \(was: bytes read\): 300 updates with 1 step back, 300 updates with 4 steps back\n/,
    );
    assert.match(await succeed("status", ...at), /2 of the done have fewer steps than 300, 300 \(1, 4 steps back\); /);
    const { code, err } = await task("init", ...at, "--bptt", "16,64", "--budget", "tokens");
    assert.deepEqual([code, err], [
      2,
      "init: Cannot train 18 updates with 16 steps back: the loss is logged every 50 updates, so they must be at least as many; --steps 900 or --budget updates would do",
    ]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("init says where steps back leave too much of each pass unread, with --dry-run too, and what a run that is too short needs", async () => {
  const dir = await Deno.makeTempDir(), at = ["--dir", join(dir, "study")], text = ["--corpus", shortCorpus(dir)];
  try {
    const small = "--state-size 8 --layers 1 --batch 8 --history 101 --seeds 1 --cells gru".split(" ");
    const { code, out, err } = await task(
      "init",
      ...at,
      ...text,
      ...small,
      "--bptt",
      "1,64",
      "--steps",
      "5000",
      "--dry-run",
    );
    assert.equal(code, 0, err);
    assert.match(
      out,
      /\nNot at equal bytes read: 5000 updates with 1 step back \(5000 bytes of each sequence\), 50 updates with 64 steps back \(3200 bytes .*\nNothing is written \(--dry-run\): /,
    );
    assert.match(
      err,
      /^init: Runs differ in their bytes read by .*; while nothing is trained, --history 129 would make them equal$/m,
    );
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["corpus.txt"]);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
