/** `deno task cells` lists the catalog, with the task's own command and permissions. */
import assert from "node:assert/strict";
import { CATALOG } from "../../cells/catalog/catalog.ts";
import { permissionsOf, task } from "../experiments/tasks.ts";

Deno.test("cells lists each cell of the catalog with its equations, states, source and parameters", async () => {
  const { code, out } = await task("cells");
  assert.equal(code, 0);
  const blocks = out.split("\n\n");
  assert.equal(blocks.length, CATALOG.length + 1);
  CATALOG.forEach(({ cell, label, source, keepsGradients }, i) => {
    const lines = blocks[i].split("\n");
    assert.equal(lines[0], `${cell.name}  (${label})`);
    assert.match(lines[2], new RegExp(`^ {2}states ${cell.states.join(", ")}; [\\d,]+ parameters$`));
    assert.equal(lines.filter((line) => line.includes(" ⟵ ")).length, cell.states.length, cell.name);
    assert.ok(blocks[i].includes(`  Source: ${source}`));
    assert.equal(/Without backpropagation through time this/.test(blocks[i]), keepsGradients !== undefined, cell.name);
  });
  // Embeddings of 256·256 + 256 numbers each; a GRU has three products of [x, h].
  assert.match(
    out,
    new RegExp(`states h; ${(2 * (256 * 256 + 256) + 3 * (512 * 256 + 256)).toLocaleString("en-US")} `),
  );
  assert.match(
    blocks.at(-1)!,
    /^Parameters are counted for a byte-level model with 1 layer of 256 states, including emb/,
  );
});

Deno.test("cells shows one cell with its weights and draws, at the size that is asked for", async () => {
  const { out } = await task("cells", "--cell", "lstm_forget_bias_1", "--state-size", "8", "--layers", "2");
  const parameters = 256 * 8 + 8 + 2 * 4 * (16 * 8 + 8) + 8 * 256 + 256;
  assert.ok(out.includes(`states h, c; ${parameters.toLocaleString("en-US")} parameters`), out);
  assert.match(out, /^ {4}forget_gate_nn\.bias +\[8\] +1$/m);
  assert.match(out, /^ {4}input_gate_nn\.weight +\[8, 16\] +U\(−1\/√fan_in, 1\/√fan_in\)$/m);
  assert.match(out, /with 2 layers of 8 states/);
  assert.doesNotMatch(out, /GRU/);
});

Deno.test("cells --json has the same, for other programs", async () => {
  const listed = JSON.parse((await task("cells", "--json", "--state-size", "16")).out);
  assert.deepEqual(listed.map(({ name }: { name: string }) => name), CATALOG.map(({ cell }) => cell.name));
  const [gru] = JSON.parse((await task("cells", "--cell=gru", "--json", "--state-size", "16")).out);
  assert.deepEqual(listed[1], gru);
  assert.deepEqual([gru.label, gru.states, gru.weights.length, gru.gradient_note], ["GRU", ["h"], 6, undefined]);
  assert.ok(gru.equations.includes("h′ = z ⊙ h + (1 − z) ⊙ n"));
  assert.match(listed[2].gradient_note, /^Designed against vanishing gradients: /);
});

for (
  const [args, message] of [
    [["--cell", "lstn"], /^cells: Cannot find cell 'lstn': must be one of vanilla, gru, lstm, /],
    [["--cell", "gated"], /^cells: Cannot find cell 'gated': must be one of vanilla, /],
    [["--cell", ""], /^cells: Cannot use --cell : must not be empty$/],
    [
      ["--state-size", "0"],
      /^cells: Cannot use --state-size 0: must be a whole number of at least 1 and at most 16384$/,
    ],
    [["--layers", "65"], /^cells: Cannot use --layers 65: must be a whole number of at least 1 and at most 64$/],
    [["--dir", "x"], /^cells: .*--dir/],
  ] as const
) {
  Deno.test(`cells ${args.join(" ")} ends with one line and exit code 2`, async () => {
    const { code, out, err } = await task("cells", ...args);
    assert.deepEqual([code, out, err.split("\n").length], [2, "", 1]);
    assert.match(err, message);
  });
}

Deno.test("the task 'cells' may read no file and reach no network", () => {
  assert.deepEqual(
    permissionsOf("cells"),
    ["--allow-env=NO_COLOR,FORCE_COLOR,CLICOLOR_FORCE"],
  );
});
