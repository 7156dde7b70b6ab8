/** Advice that is followed to the letter, by the real tasks; its tables are in `advice_test.ts` and `advice_on_files_test.ts`. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { copiesOfSmallStudy, type SmallStudy } from "./small_study.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

interface Ended {
  readonly code: number;
  readonly said: string;
}

/** Runs a command line of a shell, as somebody types it in the project's folder. */
async function shell(line: string): Promise<Ended> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", line.replace(/^deno /, `"${Deno.execPath()}" `)],
    cwd: ROOT,
    env: { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" },
    stdout: "null",
  }).output();
  const lines = new TextDecoder().decode(stderr).split("\n").filter((line) => line && !line.startsWith("Task "));
  return { code, said: lines.join("\n") };
}

/** The commands that a message gives, as they stand there. */
const commandsIn = (message: string) => [...message.matchAll(/'(deno task [^']+)'/g)].map(([, command]) => command);

/** A damage, and what tasks say of it. */
export interface Row {
  readonly name: string;
  readonly damage: (small: SmallStudy) => void;
  /** Each task that meets the damage, with what it says. RUN0 and RUN1 stand for the first two runs. */
  readonly meets: readonly (readonly [task: string, says: RegExp])[];
  /** Works in the end, if it is not these tasks. */
  readonly then?: string;
  /** What the message says to do with files, before its commands; one message after another. */
  readonly by?: ((small: SmallStudy) => void)[];
  /** Puts in what the message leaves open, or adds the flags that it asks for. */
  readonly fill?: (command: string, small: SmallStudy, message: string) => string;
}

/** Removes a file, or a folder with all that is in it. */
export const remove = (path: string) => Deno.removeSync(path, { recursive: true });
/** Trains one run more. */
export const TRAIN = "train --engine onnx --parallel 1 --limit 1 --quiet";

/** Tests that what the messages say to do mends each damage of a copy of a small study. */
export function testAdvice(name: string, rows: readonly Row[]): void {
  const copyStudy = copiesOfSmallStudy();
  Deno.test(name, async (t) => {
    for (const row of rows) {
      await t.step(row.name, async () => {
        // A folder that a command without quotation marks would not find.
        const copied = await copyStudy(), dir = `${copied.dir} of mine`;
        Deno.renameSync(copied.dir, dir);
        await checkRow(row, await copied.movedTo(dir));
      });
    }
  });
}

async function checkRow(row: Row, small: SmallStudy): Promise<void> {
  row.damage(small);
  const task = (text: string) => {
    const named = [0, 1].reduce((line, run) => line.replace(`RUN${run}`, small.runs[run].key), text);
    const [name, ...flags] = named.split(" ");
    return shell(["deno task", name, `--dir "${small.dir}"`, ...flags].join(" "));
  };
  // Of several tasks that give the same advice it is followed once, for all of them.
  const advised = new Set<string>();
  for (const [line, says] of row.meets) {
    const { code, said } = await task(line);
    assert.ok(code !== 0, `it was not met: ${said}`);
    assert.match(said, says);
    const commands = commandsIn(said);
    for (const command of commands.length || !row.fill ? commands : [""]) {
      advised.add(row.fill?.(command, small, said) ?? command);
    }
  }
  for (const mend of row.by ?? []) mend(small);
  for (const command of advised) {
    const { code, said } = await shell(command);
    assert.equal(code, 0, `${command}: ${said}`);
  }
  for (const line of row.then === undefined ? row.meets.map(([line]) => line) : [row.then]) {
    const { code, said } = await task(line);
    assert.equal(code, 0, said);
  }
}
