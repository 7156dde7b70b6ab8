/** Processes side by side: their lines, and what they end with. */
import assert from "node:assert/strict";
import { runSideBySide } from "../../../train/process/side_by_side.ts";

/** Keeps what this process would print. */
function recordLines(stream: typeof Deno.stdout | typeof Deno.stderr): Disposable & { readonly text: () => string } {
  const { writeSync } = stream;
  let text = "";
  stream.writeSync = (bytes) => {
    text += new TextDecoder().decode(bytes);
    return bytes.length;
  };
  return { text: () => text, [Symbol.dispose]: () => void (stream.writeSync = writeSync) };
}

Deno.test("runSideBySide() names the process before each of its lines, and ends with the highest exit code", async () => {
  const program = (code: string) => [Deno.execPath(), "eval", code];
  using out = recordLines(Deno.stdout);
  using err = recordLines(Deno.stderr);
  const code = await runSideBySide([
    { name: "gpu 0", command: program("console.log('a\\nλ'); Deno.exit(1)") },
    {
      name: "gpu 1",
      command: program("Deno.stdout.writeSync(new TextEncoder().encode('no end')); console.error('e')"),
    },
    { name: "gpu 2", command: program("Deno.exit(3)") },
  ]);
  const lines = [out.text().split("\n").sort(), err.text()];
  assert.deepEqual([code, ...lines], [3, ["", "gpu 0: a", "gpu 0: λ", "gpu 1: no end"], "gpu 1: e\n"]);
});

Deno.test("runSideBySide() says so where the program is not there", async () => {
  await assert.rejects(runSideBySide([{ name: "gpu 0", command: ["no-such-program"] }]), {
    name: "UserError",
    message: "Cannot start no-such-program: it must be on the PATH, and this command must have permission to run it",
  });
});
