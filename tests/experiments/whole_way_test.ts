/** The whole way through the real command line: init, train, evaluate, status, report, export and sample, on the embedded corpus. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { EMBEDDED, loadCorpus } from "../../train/corpus/corpus.ts";
import { exists, resultNames } from "./result_names.ts";
import { succeed } from "./tasks.ts";

Deno.test("init, train, evaluate, status, report, export and sample go the whole way", async (t) => {
  const dir = await Deno.makeTempDir(), embedded = await loadCorpus(EMBEDDED.name, 101);
  const study = join(dir, "s");
  const at = ["--dir", study];
  try {
    await t.step("init lists configurations and says how many are new", async () => {
      const size = [
        "--state-size",
        "8",
        "--layers",
        "1",
        "--batch",
        "16",
        "--history",
        "101",
        "--steps",
        "300",
        "--seeds",
        "1",
      ];
      assert.match(await succeed("init", ...at, ...size), /48 new configurations, 48 in all/);
      assert.match(await succeed("init", ...at, ...size), /0 new configurations, 48 in all/);
    });

    await t.step("train trains what was asked for, on onnx, and goes on where it stopped", async () => {
      const only = ["--only", "use_residual=true,use_state_gate=true", "--engine", "onnx", "--parallel", "2"];
      assert.match(await succeed("train", ...at, ...only, "--limit", "2"), /2 runs finished, 0 failed/);
      assert.match(await succeed("train", ...at, ...only, "--limit", "1"), /1 run finished, 0 failed/);
    });

    await t.step("a result has the original's keys and a curve that falls", async () => {
      const names = resultNames(study);
      assert.equal(names.length, 3);
      for (const name of names) {
        const result = JSON.parse(await Deno.readTextFile(join(study, "results_01_all", name)));
        assert.equal(name, `${result.id}.json`);
        assert.equal(result.loss.length, 6);
        assert.equal(result["min loss"], Math.min(...result.loss));
        assert.deepEqual([result["training steps"], result.steps_done, result["batch size"], result["history size"]], [
          300,
          300,
          16,
          101,
        ]);
        assert.equal(result.dataset, "embedded");
        const { corpus_sha1, train_sha1, test_sha1 } = result, hashes = [corpus_sha1, train_sha1, test_sha1];
        assert.deepEqual(hashes, [embedded.sha1, embedded.train_sha1, embedded.test_sha1]);
        assert.ok(result["end time"] >= result["start time"]);
        assert.ok(result.test_bits_per_byte > 0 && result.test_bits_per_byte < 8);
        assert.ok(await exists(join(study, "models_01_all", `${result.id}.onnx`)));
        assert.ok(await exists(join(study, "checkpoints_01_all", `${result.id}.safetensors`)));
      }
    });

    await t.step("evaluate gives the same score again", async () => {
      const scores = () =>
        resultNames(study).sort().map((name) =>
          JSON.parse(Deno.readTextFileSync(join(study, "results_01_all", name))).test_loss
        );
      const before = scores();
      assert.match(await succeed("evaluate", ...at), /0 runs scored, 3 already had a score/);
      // Spoil one score, so that one which is not computed again is seen.
      const [name] = resultNames(study).sort();
      const path = join(study, "results_01_all", name);
      const result = JSON.parse(await Deno.readTextFile(path));
      await Deno.writeTextFile(path, JSON.stringify({ ...result, test_loss: 1 }));
      assert.match(await succeed("evaluate", ...at, "--again"), /3 runs scored/);
      const after: number[] = scores();
      after.forEach((score, i) => assert.ok(Math.abs(score - before[i]) < 1e-6, `${score} against ${before[i]}`));
    });

    await t.step("status counts, as text and as JSON", async () => {
      assert.match(await succeed("status", ...at), /3 of 48 runs done, 0 running, 0 failed, 45 waiting/);
      const status = JSON.parse(await succeed("status", ...at, "--json"));
      assert.deepEqual([status.done, status.waiting, status.total], [3, 45, 48]);
      assert.ok(status.seconds_left > 0 && status.best.min_loss > 0);
    });

    await t.step("report draws every picture and a page", async () => {
      const out = await succeed("report", ...at, "--below", "9");
      for (const name of ["results_01_all", "results_01_all_hyperparameters", "filtered_results_01_loss_below_9"]) {
        for (const kind of ["svg", "png"]) {
          assert.ok(await exists(join(study, `${name}.${kind}`)), `${name}.${kind}\n${out}`);
        }
      }
      assert.ok(await exists(join(study, "report_01_all.html")));
      assert.match(out, /rank +id/);
    });

    await t.step("export writes tables and event files, and again the same", async () => {
      const out = await succeed("export", ...at);
      assert.match(out, /^3 runs: 3 done, 0 failed, 0 running or stopped before their end\n/);
      const folder = join(study, "export_01_all");
      for (const name of ["runs", "curves"]) {
        for (const kind of ["csv", "parquet"]) assert.ok(await exists(join(folder, `${name}.${kind}`)), out);
      }
      assert.equal([...Deno.readDirSync(join(folder, "tensorboard"))].length, 3);
      const before = await Deno.readFile(join(folder, "runs.parquet"));
      await succeed("export", ...at, "--format", "parquet");
      assert.deepEqual(await Deno.readFile(join(folder, "runs.parquet")), before);
    });

    await t.step("the folder of results holds results and nothing else after all of this", () => {
      const ids = JSON.parse(Deno.readTextFileSync(join(study, "rnn_configs.json"))).map(({ id }: { id: string }) =>
        id
      );
      const names = resultNames(study);
      assert.equal(names.length, 3);
      for (const name of names) assert.ok(ids.includes(name.replace(/\.json$/, "")), name);
    });

    await t.step("sample prints the prompt and as many bytes as asked for, the same for one seed", async () => {
      const args = [...at, "--prompt", "Pa ", "--bytes", "60", "--seed", "3"];
      const out = await succeed("sample", ...args);
      assert.ok(out.startsWith("Pa "));
      assert.equal(await succeed("sample", ...args), out);
      assert.notEqual(await succeed("sample", ...args.slice(0, -1), "4"), out);
    });

    await t.step("init --experiment 02 chooses the best of what is there", async () => {
      const out = await succeed("init", ...at, "--experiment", "02");
      assert.match(
        out,
        /Chosen from 3 configurations \(3 finished runs\) of experiment 01, by the lowest score on the validation split\n/,
      );
      assert.match(out, /Controls: 2 \(2 new\) of 2 configurations that were not chosen\n/);
      assert.match(out, /7 new configurations, 7 in all/);
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
