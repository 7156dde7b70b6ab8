/** Modules of spaces for tests: that of docs/cells.md, and such as must be refused. */
const PAGE = new URL("../../../docs/cells.md", import.meta.url);

/** The space that docs/cells.md shows. */
export async function documentedSpace(): Promise<string> {
  const found = /```ts ignore\n(import \{ defineCell, defineSpace[^]*?)```/.exec(await Deno.readTextFile(PAGE));
  if (!found) throw new Error("docs/cells.md shows no space");
  return found[1];
}

/** A module of a space that has one cell without factors. */
export function moduleWith({ before = "", name = '"mine"', more = "cell: () => cell" } = {}): string {
  return `import { defineCell, defineSpace, ops } from "@cellspace/cellspace";
const cell = defineCell({
  name: "mine",
  states: ["h"],
  forward: (layer, x, { h }) => {
    const n = ops.tanh(layer.linear("state_nn", [x, h]));
    return { output: n, states: { h: n } };
  },
});
${before}
export default defineSpace({ name: ${name}, ${more} });
`;
}

const factor = (text: string) => moduleWith({ more: `factors: [${text}], cell: () => cell` });
const built = (text: string) => moduleWith({ more: `cell: () => { ${text} }` });
const forward = (text: string) =>
  built(`return defineCell({ name: "mine", states: ["h"], forward: (layer, x, { h }) => (${text}) })`);

/** What a module may not do, or is not; and the line that says so, which may stand behind `Cannot use space bad.ts: `. */
export const BAD_MODULES: readonly (readonly [what: string, module: string, line: string])[] = [
  [
    "reads the home folder",
    moduleWith({ before: 'Deno.readTextFileSync("/root/.ssh/id_rsa");' }),
    'it needs read access to "/root/.ssh/id_rsa", must not: a space may read only itself and this project',
  ],
  [
    "reaches the network",
    moduleWith({ before: 'await fetch("https://example.com/");' }),
    'it needs net access to "example.com:443", must not: a space may read only itself and this project',
  ],
  [
    "reaches the network and does not wait",
    moduleWith({ before: 'fetch("https://example.com/");' }),
    'it needs net access to "example.com:443", must not: a space may read only itself and this project',
  ],
  [
    "imports from the network",
    'export { default } from "https://example.com/space.ts";',
    "it imports 'https://example.com/space.ts', must import only @cellspace/cellspace",
  ],
  [
    "imports a file beside it",
    'export { default } from "./other.ts";',
    "it imports './other.ts', must import only @cellspace/cellspace",
  ],
  // Deno itself would download it, whatever the permissions.
  [
    "imports a package of npm",
    'import pad from "npm:left-pad@1.3.0"; export default pad;',
    "it imports 'npm:left-pad@1.3.0', must import only @cellspace/cellspace",
  ],
  [
    "imports a package of npm as it runs",
    moduleWith({ before: 'await import("npm:" + "left-pad@1.3.0");' }),
    "it imports 'npm:left-pad@1.3.0', must import only @cellspace/cellspace",
  ],
  [
    "writes a module that imports a package of npm",
    moduleWith({ before: "await import(`data:text/javascript,import 'npm:left-pad@1.3.0'`);" }),
    "it imports 'data:text/javascript,import 'npm:left-pad@1.3.0'', must import only @cellspace/cellspace",
  ],
  ["starts a worker", moduleWith({ before: 'new Worker("data:text/javascript,");' }), "it starts a worker, must not"],
  [
    "reads a variable when a cell is made",
    built('Deno.env.get("HOME"); return cell;'),
    'it needs env access to "HOME", must not: a space may read only itself and this project',
  ],
  [
    "runs a program when a cell is made",
    built('new Deno.Command("ls").outputSync(); return cell;'),
    'it needs run access to "ls", must not: a space may read only itself and this project',
  ],
  [
    "writes a file when a rule is asked",
    moduleWith({
      more:
        'cell: () => cell, valid: { holds: () => { Deno.writeTextFileSync("/tmp/x", ""); return true; }, must: "must be" }',
    }),
    'it needs write access to "/tmp/x", must not: a space may read only itself and this project',
  ],
  ["ends the program", moduleWith({ before: "Deno.exit(3);" }), "it ends the program, must not"],
  ["ends its worker", moduleWith({ before: "self.close();" }), "it ends the program, must not"],
  [
    "fails in a timer",
    moduleWith({ before: 'setTimeout(() => { throw new Error("too late"); }, 0);' }),
    "too late",
  ],
  [
    "exports nothing",
    "export const space = 3;",
    "it has no space as its default export, must export what defineSpace() returns",
  ],
  [
    "is no TypeScript",
    "export default defineSpace({",
    "Unexpected end of input at bad.ts:1:29",
  ],
  [
    "has neither a cell nor cells",
    moduleWith({ more: "cells: []" }),
    "Cannot define space 'mine': it has neither a cell nor more cells, must have one of them",
  ],
  [
    "has a name that is none",
    moduleWith({ name: '"My Space"' }),
    "Cannot define space 'My Space': its name must be small letters, digits and _",
  ],
  [
    "has no name",
    moduleWith({ name: "undefined" }),
    "Cannot define a space: its name must be small letters, digits and _",
  ],
  [
    "has the name of another cell",
    moduleWith({ name: '"gru"' }),
    "Cannot define space 'gru': its name is that of a cell of the catalog, must be another",
  ],
  [
    "has a rule that is a function alone",
    moduleWith({ more: "cell: () => cell, valid: () => false" }),
    "Cannot define space 'mine': its 'valid' must have a function 'holds' and 'must', a line of text",
  ],
  [
    "has a rule whose answer is a promise",
    moduleWith({ more: 'cell: () => cell, listed: { holds: async () => false, must: "must be impossible" }' }),
    "Cannot use a rule of space 'mine': it returned no boolean, must return true or false",
  ],
  [
    "has a key with a typing error",
    moduleWith({ more: 'cell: () => cell, vaild: { holds: () => false, must: "must be impossible" }' }),
    "Cannot define space 'mine': it has 'vaild', must have nothing but name, factors, cell, valid, listed, cells",
  ],
  [
    "has a factor with a typing error",
    factor('{ key: "a", kind: "switch", label: "a", about: "a", on: "a", off: "b", levles: [true] }'),
    "Cannot define space 'mine': factor 'a': it has the unknown field 'levles', must have no other than key, label, about, heading, plural, flag, ofCell, kind, levels, default, on, off",
  ],
  [
    "has a label of two lines",
    factor('{ key: "a", kind: "switch", label: "a\\nb", about: "a", on: "a", off: "b" }'),
    "Cannot define space 'mine': factor 'a': its 'label' has an invalid input: expected one line without control characters",
  ],
  [
    "has a learning rate of its own",
    factor('{ key: "learning_rate", kind: "number", label: "a", about: "a", levels: [0.5], above: 0, most: 1 }'),
    "Cannot define space 'mine': factor 'learning_rate' must have another key: every space has that factor already",
  ],
  [
    "has a second name of the cell",
    factor('{ key: "a", kind: "choice", label: "a", about: "a", levels: ["b", "c"], namesCell: true }'),
    "Cannot define space 'mine': factor 'a': it has the unknown field 'namesCell', must have no other than key, label, about, heading, plural, flag, ofCell, kind, levels, default, choices, contrast",
  ],
  [
    "has models without a layer",
    factor(
      '{ key: "n_layers", kind: "integer", label: "a", about: "a", levels: [0, 1], least: 0, most: 4, mark: "shape" }',
    ),
    "Cannot define space 'mine': factor 'n_layers' is a size: must be an integer from 1 to at most 64 with the mark 'shape'",
  ],
  [
    "has factors and no cell",
    moduleWith({
      more:
        'factors: [{ key: "a", kind: "number", label: "a", about: "a", levels: [1], above: 0, most: 1 }], cells: [cell]',
    }),
    "Cannot define space 'mine': it has factors and no cell, must have a cell that reads them",
  ],
  [
    "has two cells of one name",
    moduleWith({ more: "cells: [cell, cell]" }),
    "Cannot define space 'mine': its cell 'mine' must have another name: that name is taken",
  ],
  [
    "has a factor of no kind",
    factor('{ key: "a", label: "a", about: "a" }'),
    "Cannot define space 'mine': factor 'a': its 'kind' must be switch, choice, integer, number",
  ],
  [
    "has a factor without a key",
    factor('{ kind: "switch", label: "a", about: "a", on: "a", off: "b" }'),
    "Cannot define space 'mine': factor 1: its 'key' is missing, must be of type string",
  ],
  [
    "has a bound of another name",
    factor('{ key: "a", kind: "number", label: "a", about: "a", levels: [1], above: 0, below: 2 }'),
    "Cannot define space 'mine': factor 'a': its 'most' is missing, must be of type number",
  ],
  [
    "has a field that nobody reads",
    factor('{ key: "a", kind: "number", label: "a", about: "a", levels: [1], above: 0, most: 2, below: 2 }'),
    "Cannot define space 'mine': factor 'a': it has the unknown field 'below', must have no other than key, label, about, heading, " +
    "plural, flag, ofCell, levels, default, contrast, kind, above, most",
  ],
  [
    "has one level and no list of them",
    factor('{ key: "a", kind: "number", label: "a", about: "a", levels: 1, above: 0, most: 2 }'),
    "Cannot define space 'mine': factor 'a': its 'levels' is of type number, must be of type array",
  ],
  [
    "has a switch with nothing to say",
    factor('{ key: "a", kind: "switch", label: "a", about: "a", on: "", off: "b" }'),
    "Cannot define space 'mine': factor 'a': its 'on' has no text",
  ],
  [
    "has a level out of bounds",
    factor('{ key: "a", kind: "number", label: "a", about: "a", levels: [2], above: 0, most: 1 }'),
    "Cannot use table 'mine': factor 'a' has level 2, must be a number above 0 and at most 1",
  ],
  [
    "has the key of a result",
    factor('{ key: "seed", kind: "number", label: "a", about: "a", levels: [1], above: 0, most: 1 }'),
    "Cannot use table 'mine': factor 'seed' must have another key, results already have this one",
  ],
  [
    "has one key twice",
    factor(
      '{ key: "a", kind: "switch", label: "a", about: "a", on: "a", off: "b" }, { key: "a", kind: "switch", label: "a", about: "a", on: "a", off: "b" }',
    ),
    "Cannot use table 'mine': factor 'a' is listed twice, must be listed once",
  ],
  ["throws when a cell is made", built('throw new Error("no such luck");'), "no such luck"],
  [
    "returns no state",
    forward("{ output: x, states: {} }"),
    "Cannot build cell 'mine': forward() returned no state 'h'",
  ],
  [
    "fails at one of the sizes",
    forward('{ output: layer.state_size > 8 ? layer.linear("w", [x, h], 3) : x, states: { h } }'),
    "Cannot build cell 'mine': its output is [4, 3], must be [4, 16]",
  ],
  [
    "has a state twice",
    built('return { name: "mine", states: ["h", "h"], forward: (layer, x, { h }) => ({ output: x, states: { h } }) }'),
    "Cannot read a cell of a space: 'states': has a state twice, must have it once",
  ],
  [
    "has a weight with the name of a state",
    forward('{ output: ops.mul(x, layer.parameter("h", [layer.state_size])), states: { h: ops.tanh(h) } }'),
    "Cannot use space mine: Cannot build cell 'mine': 'h' is a state and a weight, must be one",
  ],
  [
    "has a weight with a name that is none",
    forward('{ output: layer.linear("a b", [x, h]), states: { h } }'),
    "Cannot build cell 'mine': weight 'a b.bias' must have a name of letters, digits, _ and points",
  ],
  [
    "has a weight of no inputs",
    forward('{ output: ops.mul(x, layer.parameter("w", [layer.state_size], 0)), states: { h } }'),
    "Cannot declare weight 'layer.w': its fan-in is 0, must be a number above 0",
  ],
  ["returns nothing", forward("undefined"), "Cannot build cell 'mine': forward() returned no output"],
  [
    "reads what nobody feeds",
    forward('{ output: ops.add(x, ops.input("y", [layer.batch, layer.state_size])), states: { h } }'),
    "Cannot build cell 'mine': it reads 'y', must read x, its states and weights of its layer",
  ],
  [
    "has a constant that is none",
    forward("{ output: ops.mul(x, NaN), states: { h } }"),
    "Cannot build cell 'mine': it has the constant NaN, must be finite",
  ],
  [
    "lists nothing",
    moduleWith({ more: 'cell: () => cell, valid: { holds: () => false, must: "must be impossible" }' }),
    "Cannot list configurations in DIR: mine lists no combination of the levels: each must be impossible",
  ],
];
