/**
 * Bad input: each gets one line that names the file and what to do, nothing is overwritten, and the other runs go on.
 * The table is in the files `bad_*.ts` beside this one.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { isFinished } from "../../experiments/study/result.ts";
import { UserError } from "../../cells/errors.ts";
import type { BadInput } from "./bad_input.ts";
import { BAD_CHECKPOINTS } from "./session/bad_checkpoints.ts";
import { BAD_MODELS } from "./session/bad_models.ts";
import { BAD_RESULTS } from "./study/bad_results.ts";
import { BAD_STUDIES } from "./study/bad_studies.ts";
import { BAD_VALUES } from "./bad_values.ts";
import { makeSmallStudy, SmallStudy } from "./small_study.ts";
import { recordErrors } from "../faults/processes.ts";

const TABLES = {
  "study and lists": BAD_STUDIES,
  results: BAD_RESULTS,
  checkpoints: BAD_CHECKPOINTS,
  models: BAD_MODELS,
  "corpus, queue and values": BAD_VALUES,
};

Deno.test("bad input gives one clear line, overwrites nothing, and stops no other run", async (t) => {
  const dir = await Deno.makeTempDir();
  try {
    await makeSmallStudy(join(dir, "study"));
    let copies = 0;
    for (const [kind, rows] of Object.entries(TABLES)) {
      for (const row of rows) {
        const place = join(dir, `${copies++}`);
        await t.step(
          `${kind}: ${row.name}`,
          async () => checkRow(row, await SmallStudy.copy(join(dir, "study"), place)),
        );
      }
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

async function checkRow({ damage, action, says }: BadInput, small: SmallStudy): Promise<void> {
  action.prepare?.(small);
  damage?.(small);
  const before = small.files();
  const lines = await linesOf(() => action.run(small));

  assert.equal(lines.length, 1, lines.join("\n"));
  const line = small.named(lines[0]);
  assert.match(line, wholeLine(says), `it should say: ${says}`);

  const after = small.files();
  const { goesOn = [], mayTouch = [] } = action;
  const keys = [...goesOn, ...mayTouch].map((run) => small.runs[run].key);
  const isTheirs = (path: string) => keys.some((key) => path.includes(key));
  for (const [path, sum] of before) {
    if (!isTheirs(path)) assert.equal(after.get(path), sum, `${path} has changed`);
  }
  const added = [...after.keys()].filter((path) => !before.has(path) && !isTheirs(path));
  assert.deepEqual(added, [], "files have been added");
  for (const run of goesOn) {
    const path = small.result(run), result = await small.study.readResult("01", small.runs[run].key);
    assert.ok(result && isFinished(result) && result.test_loss, `run ${run} has not been trained and scored`);
    assert.notEqual(after.get(path), before.get(path), `run ${run} did not go on`);
  }
}

/** What an action says: the lines that it prints on standard error or returns, and its error. */
async function linesOf(run: () => Promise<readonly string[]>): Promise<string[]> {
  using errors = recordErrors();
  const lines: string[] = [];
  try {
    lines.push(...await run());
  } catch (error) {
    // Any other error would show its stack.
    if (!(error instanceof UserError)) throw error;
    lines.push(error.message);
  }
  return [...errors.lines, ...lines].flatMap((line) => line.split("\n"));
}

/** A pattern for a whole line in which `…` stands for anything. */
function wholeLine(says: string): RegExp {
  return new RegExp(`^${says.split("…").map(RegExp.escape).join(".*")}$`);
}
