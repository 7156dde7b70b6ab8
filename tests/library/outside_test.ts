/** Programs that lie outside the checkout and link to it: in folders that hold nothing else, with the flags that docs/library.md names. */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { documentedSpace } from "../experiments/study/space_modules.ts";

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
const FLAGS = ["--allow-read", "--allow-write", "--allow-ffi", "--allow-env", "--allow-sys"];
const UNSTABLE = { unstable: ["worker-options"] };

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly errors: string;
}

/** A folder with what a program needs to link to the checkout. */
async function inFolder(use: (dir: string) => Promise<void>, config: object = UNSTABLE): Promise<void> {
  const dir = await Deno.realPath(await Deno.makeTempDir());
  try {
    await Deno.writeTextFile(join(dir, "deno.json"), JSON.stringify({ links: [relative(dir, CHECKOUT)], ...config }));
    await use(dir);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/**
 * Runs a program to its own end: one that a worker keeps alive fails. It may reach no network; Deno itself may ask npm which versions of packages
 * there are, since the project's lock file does not bind a program that links to it.
 */
async function run(dir: string, program: string, flags: readonly string[] = FLAGS): Promise<Ended> {
  await Deno.writeTextFile(join(dir, "main.ts"), program);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, "main.ts"],
    cwd: dir,
    stdin: "null",
    signal: AbortSignal.timeout(180_000),
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const [out, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, errors };
}

const importing = (names: string, body: string) => `import { ${names} } from "@cellspace/cellspace";\n${body}`;

Deno.test("the example of docs/library.md makes, trains, reports and samples a study from an empty folder", () =>
  inFolder(async (dir) => {
    const example = await Deno.readTextFile(new URL("example.ts", import.meta.url));
    const page = await Deno.readTextFile(join(CHECKOUT, "docs/library.md"));
    assert.ok(page.includes("```ts ignore\n" + example + "```\n"), "docs/library.md has another example");
    assert.ok(page.includes(`deno run ${FLAGS.join(" ")} main.ts`), "docs/library.md has other flags");
    const { code, out, errors } = await run(dir, example);
    assert.equal(code, 0, errors);
    const lines = out.split("\n");
    assert.equal(lines.filter((line) => /^1 layer × \d+, .* 0 \d\.\d+ \d\.\d+$/.test(line)).length, 3, out);
    assert.match(
      out,
      /^9 trained, 0 unreadable\. [^\n]*\(1 pair of configurations × 3 seeds\); [^\n]* Of 2 gated configurations, /m,
    );
    const [, report] = /^see (.*)$/m.exec(out)!;
    assert.match(await Deno.readTextFile(join(dir, report)), /<html/);
    assert.match(errors, /^0 of 9 runs/m);
    assert.match(errors, /^3 of 9 runs/m);
    assert.match(errors, /step \d+: \d\.\d{3}/);
    assert.equal(errors.split("\n").filter((line) => line && !/^\d of 9 runs /.test(line)).join("\n"), "");
  }));

Deno.test("a study prints nothing by itself, whatever is done with it, and can be made but once", () =>
  inFolder(async (dir) => {
    const { code, out, errors } = await run(
      dir,
      importing(
        "Study, UserError",
        `{
          using study = await Study.create({ dir: "s", seeds: 1, steps: 99, batch: 8, history: 100 });
          const { added, total, runs } = await study.init({ cells: ["gru", "lstm"], levels: { n_layers: [1], state_size: [8] } });
          if (added.length !== 2 || total !== 2 || runs !== 2) throw new Error("not two");
          await study.train({ engine: "onnx", limit: 1 });
          await study.train({ engine: "onnx", signal: AbortSignal.abort() });
          await study.evaluate({ again: true });
          await study.dynamics({ streams: 1, tokens: 16, exponents: 2 });
          await Deno.mkdir("t");
          for (const name of ["study.json", "rnn_configs.json"]) await Deno.copyFile("s/" + name, "t/" + name);
          using copy = await Study.open("t");
          const { came } = await copy.merge({ from: ["s"] });
          if (came[0].runs !== 1 || (await copy.status()).dynamics?.measured !== 1) throw new Error("it did not come");
          await Deno.writeTextFile("s/results_01_all/" + "0".repeat(64) + ".json", "{");
          const { runs: read, unreadable } = await study.results();
          if (read.length !== 1 || unreadable.length !== 1) throw new Error("not one of each");
          await study.report();
          await study.export({ formats: ["csv"] });
          await study.sample({ bytes: 5 });
          const { done, waiting } = await study.status();
          if (done !== 1 || waiting !== 1) throw new Error("not one done and one waiting");
          if ((await study.remove({ only: "cell=gru|lstm" })).left !== 0) throw new Error("some are left");
        }
        await Study.create({ dir: "s" }).then(() => { throw new Error("made twice"); }, (error) => {
          if (!(error instanceof UserError)) throw error;
        });`,
      ),
    );
    assert.deepEqual({ code, out, errors }, { code: 0, out: "", errors: "" });
  }));

Deno.test("what a handler throws ends the training, and a later call goes on", () =>
  inFolder(async (dir) => {
    const { code, out, errors } = await run(
      dir,
      importing(
        "Study",
        `using study = await Study.create({ dir: "s", seeds: 1, steps: 99, batch: 8, history: 100 });
        await study.init({ cells: ["gru", "lstm"], levels: { n_layers: [1], state_size: [8] } });
        const odd = new Error("odd");
        let calls = 0;
        const onProgress = ({ running }: { running: readonly unknown[] }) => {
          if (!running.length) return;
          calls++;
          throw odd;
        };
        const thrown = await study.train({ engine: "onnx", onProgress }).catch((error) => error);
        console.log(thrown === odd, calls);
        const { finished } = await study.train({ engine: "onnx" });
        const { runs } = await study.results();
        console.log(finished > 0, runs.every(({ status }) => status === "done"));`,
      ),
    );
    assert.deepEqual({ code, out, errors }, { code: 0, out: "true 1\ntrue true\n", errors: "" });
  }));

const SPACE = `for (const turn of ["made", "opened"]) {
  using study = turn === "made"
    ? await Study.create({ dir: "s", space: "my_space.ts", seeds: 1, steps: 99, batch: 8, history: 100 })
    : await Study.open("s");
  const { added } = await study.init({ levels: { n_layers: [1], state_size: [8], leak: [turn === "made" ? 0.1 : 0.5] } });
  const { finished } = await study.train({ engine: "onnx", limit: 1, only: "use_slow=true" });
  const { runs } = await study.results({ only: "use_slow=true" });
  console.log(turn, added.length, finished, runs.length, runs[0].config.use_slow);
}`;

Deno.test("a study with a space of one's own is closed and opened again, and its program ends", () =>
  inFolder(async (dir) => {
    await Deno.writeTextFile(join(dir, "my_space.ts"), await documentedSpace());
    const { code, out, errors } = await run(dir, importing("Study", SPACE));
    assert.equal(code, 0, errors);
    assert.equal(out, "made 4 1 1 true\nopened 4 1 2 true\n");
  }));

Deno.test("a trained model draws, is scored and becomes a file, outside the checkout too", () =>
  inFolder(async (dir) => {
    const { code, out, errors } = await run(
      dir,
      importing(
        "gruCell, loadCorpus, openEngine, trainCell",
        `const corpus = await loadCorpus("embedded"), engine = await openEngine("onnx");
        const settings = { steps: 99, batch: 8, history: 100, log_every: 33 };
        const { model } = await trainCell(engine, gruCell, { n_layers: 1, state_size: 8, seed: 0 }, settings, corpus.train);
        await engine.close();
        const text = await model.sample({ prompt: "the ", bytes: 20 });
        console.log(text === await model.sample({ prompt: "the ", bytes: 20 }), text.length > 0);
        console.log((await model.score(corpus.test.subarray(0, 3000), { threads: 2 })).bits_per_byte < 8, model.toOnnx().length > 0);`,
      ),
      ["--allow-read", "--allow-ffi", "--allow-env=ORT_DISABLE_TELEMETRY"],
    );
    assert.deepEqual({ code, out, errors }, { code: 0, out: "true true\ntrue true\n", errors: "" });
  }, {}));
