/** Several processes that change one study's files at once: nothing that one has added is lost by another. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Study } from "../../experiments/study/store.ts";
import tasks from "../../deno.json" with { type: "json" };
import { inFolder } from "./studies.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const ROUNDS = 3;

/** Settings of a study that is made. */
const MADE = ["--layers", "1", "--batch", "8", "--history", "51", "--steps", "100"] as const;

/** `deno task init` with flags, in a process of its own. */
async function init(dir: string, ...flags: readonly string[]): Promise<string> {
  const [, ...command] = tasks.tasks.init.command.split(" ");
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...command, "--dir", dir, ...flags],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

inFolder("six processes that extend a fresh study at once lose nothing of each other's", async (dir) => {
  const sizes = [1, 2, 3, 4, 5, 6];
  for (let round = 0; round < ROUNDS; round++) {
    const study = join(dir, `${round}`, "in", "a fresh folder");
    const said = await Promise.all(sizes.map((size) => init(study, "--state-size", `${size}`, ...MADE)));
    // Each has added its own, whoever was first.
    for (const out of said) assert.match(out, /: 48 new configurations, \d+ in all/);
    const listed = (await (await Study.open(study)).readConfigs("01")).map(({ config: { state_size } }) => state_size);
    assert.deepEqual(sizes.map((size) => listed.filter((one) => one === size).length), sizes.map(() => 48));
    const names = [...Deno.readDirSync(study)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["entropy_floors.json", "rnn_configs.json", "study.json"]);
  }
});

inFolder("processes that change different settings at once keep all of them", async (dir) => {
  const study = join(dir, "study");
  await init(study, "--state-size", "8", ...MADE);
  await Promise.all([
    init(study, "--seeds", "3"),
    init(study, "--steps", "500"),
    init(study, "--state-size", "4", "--layers", "1"),
  ]);
  const { settings } = await Study.open(study);
  assert.deepEqual([settings.seeds, settings.training.steps["01"], settings.training.batch], [3, 500, 8]);
  assert.equal((await (await Study.open(study)).readConfigs("01")).length, 96);
});
