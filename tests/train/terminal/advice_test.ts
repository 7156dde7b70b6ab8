import assert from "node:assert/strict";
import { taskCommand } from "../../../train/terminal/advice.ts";

Deno.test("taskCommand() gives a command that a shell takes apart as it was meant", async () => {
  const dirs = [
    "s",
    "runs/a-1",
    "my study",
    'a "b"',
    "$HOME",
    "`x`",
    "päth",
    "a'b",
    "back\\ slash",
    "a\\b",
    "end\\",
    "a\\$b",
    "\\\\`",
  ];
  for (const dir of dirs) {
    const command = taskCommand("init", { dir, experiment: undefined, again: true, seeds: 3 });
    const [, words] = command.match(/^'deno task init (.*)'$/)!;
    const { stdout } = await new Deno.Command("sh", { args: ["-c", `printf '%s\\n' ${words}`] }).output();
    assert.deepEqual(new TextDecoder().decode(stdout), ["--dir", dir, "--again", "--seeds", "3", ""].join("\n"));
  }
});
