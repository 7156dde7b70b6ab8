import assert from "node:assert/strict";
import { decimalsIn, fileBlocks, runnableBlocks, sectionsOf, unprinted } from "./runnable.ts";

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

Deno.test("runnableBlocks() tells which section's numbers a block prints", () => {
  const page =
    "# A\n\n## One\n\n```sh run\n# no heading\ntrue\n```\n\n## Two\n\nIt is 0.5.\n\n```sh run numbers\necho 0.5\n```\n";
  assert.deepEqual(
    runnableBlocks(page).map(({ heading, printsNumbers }) => [heading, printsNumbers]),
    [["One", false], ["Two", true]],
  );
  assert.deepEqual(
    sectionsOf(page).map(({ heading }) => heading),
    ["A", "One", "Two"],
  );
  assert.match(sectionsOf(page).at(-1)!.prose, /It is 0\.5\./);
  assert.doesNotMatch(sectionsOf(page).at(-1)!.prose, /echo/);
});

Deno.test("decimalsIn() finds numbers with a decimal point and their signs, and no versions", () => {
  assert.deepEqual(
    decimalsIn("−0.064 (-0.5 to +1.25), 0.2 ± 0.3, p < 0.001; Deno 2.9.6, 96 runs, 4.15 MB, v0.3"),
    ["−0.064", "-0.5", "+1.25", "0.2", "0.3", "0.001", "4.15"],
  );
});

Deno.test("unprinted() finds a number that is not there, and one of the other sign; a number without sign may have any", () => {
  assert.deepEqual(unprinted("−0.07, 0.05 and 0.19", "on − off −0.07 (0.05 +0.19)"), []);
  assert.deepEqual(unprinted("+0.07, −0.05 and 0.19", "on − off −0.07 (0.05 +0.2)"), ["+0.07", "−0.05", "0.19"]);
});
