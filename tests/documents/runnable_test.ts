import assert from "node:assert/strict";
import { fileBlocks, runnableBlocks } from "./runnable.ts";

const PAGE = `# A page

\`\`\`sh
rm -rf nothing
\`\`\`

<!-- run with: init --steps 60 --batch 16; train --limit 2 -->
\`\`\`sh run
deno task init
deno task train
\`\`\`

<!-- file: my_space.ts -->
\`\`\`ts ignore
export default 1;
\`\`\`

<!-- run with: train --limit 1 -->
\`\`\`sh run
deno task status
\`\`\`
`;

Deno.test("runnableBlocks() gives the marked blocks with their lines, and flags that hold from there on", () => {
  const [first, second, ...more] = runnableBlocks(PAGE);
  assert.deepEqual([first.line, second.line, more.length], [8, 19, 0]);
  assert.equal(first.script, "deno task init\ndeno task train\n");
  assert.deepEqual([...first.added], [["init", "--steps 60 --batch 16"], ["train", "--limit 2"]]);
  assert.deepEqual([...second.added], [["init", "--steps 60 --batch 16"], ["train", "--limit 1"]]);
});

Deno.test("runnableBlocks() refuses flags that belong to no task", () => {
  assert.throws(() => runnableBlocks("<!-- run with: init -->\n```sh run\ntrue\n```\n"), {
    message: "Cannot read 'run with': 'init' must be a task and its flags",
  });
});

Deno.test("fileBlocks() gives the files that a page shows", () => {
  assert.deepEqual(fileBlocks(PAGE), [{ name: "my_space.ts", text: "export default 1;\n" }]);
});
