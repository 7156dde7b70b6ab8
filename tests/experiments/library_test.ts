/**
 * The public interface at its edges: whatever a user gives, each function works or says in one line what is wrong, before it works on it.
 * An export that no row names fails the last test.
 */
import assert from "node:assert/strict";
import * as library from "../../mod.ts";
import { SMALL_CONFIG } from "../../cells/known_configs.ts";
import {
  assertFinite,
  cell,
  config,
  constantList,
  emptyGraph,
  feeds,
  graph,
  isCell,
  ops,
  parameters,
  type Row,
  sizeRows,
  sizes,
  tableRows,
  text,
  tokenizer,
  weightRows,
} from "./library_edges.ts";
import { DYNAMICS_ROWS } from "./library_dynamics_rows.ts";
import { STUDY_ROWS } from "./library_study_rows.ts";
import { TRAINING_ROWS } from "./library_training_rows.ts";

const ROWS: Readonly<Record<keyof typeof library, readonly Row[]>> = {
  defineCell: [
    ["no states", () => library.defineCell({ ...cell, states: [] }), [
      "TypeError",
      /has no state, must have at least one/,
    ]],
    [
      "a state that forward() does not return",
      () =>
        library.evaluationModel(
          library.defineCell({ name: "x", states: ["h"], forward: (_, x) => ({ output: x, states: {} as never }) }),
          sizes,
        ),
      ["TypeError", /returned no state 'h'/],
    ],
    [
      "a draw that does not fit",
      () =>
        library.evaluationModel(
          library.defineCell({
            name: "x",
            states: ["h"],
            forward(layer, x, { h }) {
              const n = layer.linear("n", [x, h], layer.state_size, { bias: { kind: "orthogonal" } });
              return { output: n, states: { h: n } };
            },
          }),
          sizes,
        ),
      ["TypeError", /Cannot draw 'layers.0.n.bias' \(orthogonal\): shape is \[\d+\], must have two axes/],
    ],
  ],
  defineSpace: [
    ["a name that is none", () => library.defineSpace({ name: "My Space", cell: () => cell }), [
      "UserError",
      /Cannot define space 'My Space': its name must be small letters, digits and _/,
    ]],
    ["a cell alone", () => library.defineSpace({ name: "mine", cell: () => cell }).cellNames[0], "works"],
    ["nothing", () => library.defineSpace({ name: "mine" }), ["UserError", /neither a cell nor more cells/]],
  ],
  GATED_SPACE: [
    ["a cell that is none", () => library.GATED_SPACE.cellOf({ ...config, cell: "nothing" }), [
      "UserError",
      /Cannot make cell 'nothing'/,
    ]],
  ],
  catalogConfig: [
    ["a cell that is none", () => library.catalogConfig("nothing", 1, 4), [
      "UserError",
      /Cannot make cell 'nothing': must be/,
    ]],
    ["no layer", () => library.catalogConfig("gru", 0, 4), ["UserError", /'n_layers': Too small/]],
    ["no states", () => library.catalogConfig("gru", 1, 0), ["UserError", /'state_size': Too small/]],
    ["states that are no number", () => library.catalogConfig("gru", 1, NaN), ["UserError", /'state_size'/]],
  ],
  UserError: [
    [
      "a message of several lines",
      () => assert.equal(new library.UserError("Cannot:\n a").message, "Cannot: a"),
      "works",
    ],
    ["no message", () => assert.equal(new library.UserError("").message, ""), "works"],
  ],
  CATALOG: constantList(library.CATALOG),
  CELL_NAMES: constantList(library.CELL_NAMES),
  cellLabel: [
    ["a cell that is none", () => library.cellLabel("nothing"), ["UserError", /Cannot find cell 'nothing': must be/]],
    ["the gated cell, which has many forms", () => library.cellLabel("gated"), [
      "UserError",
      /Cannot find cell 'gated'/,
    ]],
  ],
  GATE_INPUTS: constantList(library.GATE_INPUTS),
  OPTIMIZERS: constantList(Object.values(library.OPTIMIZERS)),
  ENGINE_NAMES: constantList(library.ENGINE_NAMES),
  ENGINES: library.ENGINES.flatMap(({ name, open }): Row[] => [
    [`${name}, opened and closed`, async () => await (await open())?.close(), "works"],
  ]),
  MAX_BPTT: [["what it is", () => assert.equal(library.MAX_BPTT, 64), "works"]],
  SWITCHES: constantList(library.SWITCHES),
  FACTORS: constantList(library.FACTORS),
  GATED: tableRows,
  cellOf: [
    ["a cell that is none", () => library.cellOf({ ...config, cell: "nothing" }), [
      "UserError",
      /Cannot make cell 'nothing'/,
    ]],
    [
      "switches that read no state",
      () => library.cellOf({ ...SMALL_CONFIG, use_new_state: false, use_old_state: false }),
      ["UserError", /Cannot make a gated cell: it needs use_new_state or use_old_state/],
    ],
  ],
  gruCell: isCell,
  lstmCell: isCell,
  minGruCell: isCell,
  vanillaCell: isCell,
  canonicalJson: [["a configuration", () => library.canonicalJson(config), "works"]],
  configId: [["a configuration", () => library.configId(config), "works"]],
  describeConfig: [["a configuration", () => library.describeConfig(config), "works"]],
  parseConfig: [
    ["nothing", () => library.parseConfig(undefined), ["UserError", /Cannot read a configuration/]],
    ["null", () => library.parseConfig(null), ["UserError", /expected object, received null/]],
    ["a list", () => library.parseConfig([]), ["UserError", /Cannot read a configuration/]],
    ["one key more", () => library.parseConfig({ ...config, more: 1 }), ["UserError", /more/]],
  ],
  gatedCell: [
    [
      "switches that read no state",
      () => library.gatedCell({ ...SMALL_CONFIG, use_new_state: false, use_old_state: false }),
      ["UserError", /needs use_new_state or use_old_state/],
    ],
  ],
  ops: [
    ["a shape of no elements", () => ops.input("x", [0]), ["RangeError", /sizes must be whole and positive/]],
    ["a shape that is no number", () => ops.input("x", [NaN]), ["RangeError", /sizes must be whole and positive/]],
    ["shapes that do not fit", () => ops.add(ops.input("x", [2]), ops.input("y", [3])), [
      "TypeError",
      /Cannot build 'add'/,
    ]],
    ["nothing to multiply", () => ops.linear([], ops.input("w", [2, 2]), ops.input("b", [2])), [
      "TypeError",
      /Cannot build 'linear'/,
    ]],
    ["the sum of a scalar", () => ops.sum(ops.constant(1)), ["TypeError", /at least one axis/]],
  ],
  gradients: [
    ["a loss that is no scalar", () => library.gradients(ops.input("x", [2]), []), ["TypeError", /must be a scalar/]],
    ["no targets", () => library.gradients(ops.constant(1), []), "works"],
  ],
  buildGraph: [
    ["no outputs", () => library.buildGraph({}), "works"],
    ["a name for two shapes", () => library.buildGraph({ y: ops.input("x", [1]), z: ops.input("x", [2]) }), [
      "TypeError",
      /input 'x' is declared as/,
    ]],
    ["a state of another shape", () => library.buildGraph({ x: ops.sum(ops.input("x", [2, 3])) }), [
      "TypeError",
      /Cannot carry 'x'/,
    ]],
  ],
  interpret: [
    ["all inputs", () => library.interpret(graph, feeds()), "works"],
    ["no inputs", () => library.interpret(graph, new Map()), ["TypeError", /input '.*' has no value/]],
    ["an input too short", () => library.interpret(graph, feeds({ "layers.0.h": [0] })), [
      "RangeError",
      /has 1 elements/,
    ]],
    ["a byte that is none", () => library.interpret(graph, feeds({ bytes: [256] })), [
      "RangeError",
      /an index is 256, must be/,
    ]],
    ["half a byte", () => library.interpret(graph, feeds({ bytes: [0.5] })), [
      "RangeError",
      /an index is 0\.5, must be/,
    ]],
    ["an empty graph", () => library.interpret(emptyGraph, new Map()), "works"],
  ],
  toSvg: [["an empty graph", () => library.toSvg(emptyGraph), "works"]],
  equations: [["an empty graph", () => library.equations(emptyGraph), "works"]],
  printGraph: [["an empty graph", () => library.printGraph(emptyGraph), "works"]],
  buildTrainingStep: [
    ...sizeRows(({ vocabulary = 256, ...all }) =>
      library.buildTrainingStep(cell, { vocabulary, ...all }).parameters.length
    ),
    ["no rows", () => library.buildTrainingStep(cell, { ...sizes, vocabulary: 2, batch: 0 }), [
      "RangeError",
      /batch is 0/,
    ]],
    [
      "one token",
      () => library.buildTrainingStep(cell, { ...sizes, vocabulary: 1, batch: 1 }).parameters.length,
      "works",
    ],
  ],
  evaluationModel: sizeRows((all) => library.evaluationModel(cell, all).parameters.length),
  loadCorpus: [
    ["no history", () => library.loadCorpus("embedded", 0), ["RangeError", /the history is 0, must be a whole number/]],
    ["a history that is no number", () => library.loadCorpus("embedded", NaN), ["RangeError", /the history is NaN/]],
    ["a history that is too long", () => library.loadCorpus("embedded", 1e9), [
      "UserError",
      /one sequence needs 1000000000/,
    ]],
    ["no name", () => library.loadCorpus("", 2), ["UserError", /Cannot read corpus/]],
    ["no history at all", async () => (await library.loadCorpus("embedded")).bytes, "works"],
  ],
  makeCorpus: [
    ["no text", () => library.makeCorpus("x", new Uint8Array(), 2), ["UserError", /it is empty/]],
    ["one byte", () => library.makeCorpus("x", new Uint8Array(1), 2), ["UserError", /it has 1 bytes/]],
    ["no history", () => library.makeCorpus("x", text).bytes, "works"],
    ["a history of one", () => library.makeCorpus("x", text, 1), [
      "RangeError",
      /the history is 1, must be a whole number/,
    ]],
    ["a history beyond the text", () => library.makeCorpus("x", text, 1000), ["UserError", /one sequence needs 1000/]],
  ],
  BytePairTokenizer: [
    ["no merges", () => new library.BytePairTokenizer([]).encode(text).length, "works"],
    ["a merge of what is no token", () => new library.BytePairTokenizer([[-1, 0]]), [
      "RangeError",
      /Cannot merge tokens -1 and 0/,
    ]],
    ["a merge of NaN", () => new library.BytePairTokenizer([[NaN, 0]]), [
      "RangeError",
      /Cannot merge tokens NaN and 0/,
    ]],
    ["a merge of a half", () => new library.BytePairTokenizer([[0, 0.5]]), [
      "RangeError",
      /Cannot merge tokens 0 and 0\.5/,
    ]],
    ["no vocabulary", () => library.BytePairTokenizer.learn(text, 0), [
      "RangeError",
      /vocabulary is 0, must be .* from 256 to 65536/,
    ]],
    ["a vocabulary of NaN", () => library.BytePairTokenizer.learn(text, NaN), ["RangeError", /vocabulary is NaN/]],
    ["a vocabulary beyond 16 bits", () => library.BytePairTokenizer.learn(text, 1e6), [
      "RangeError",
      /vocabulary is 1000000/,
    ]],
    ["no text to learn from", () => library.BytePairTokenizer.learn(new Uint8Array(), 300).vocabulary, "works"],
    ["no text", () => tokenizer.encode(new Uint8Array()), "works"],
    ["tokens that it has not", () => tokenizer.decode([260]), [
      "RangeError",
      /has a token outside the vocabulary of 260/,
    ]],
    ["a token that it has not", () => tokenizer.bytes(-1), [
      "RangeError",
      /it is -1, must be a whole number from 0 to 259/,
    ]],
  ],
  decodeTokenizer: [
    ["no text", () => library.decodeTokenizer("", "f"), ["UserError", /Cannot read f: it is not JSON/]],
    ["null", () => library.decodeTokenizer("null", "f"), ["UserError", /Cannot read f/]],
    ["nothing that it needs", () => library.decodeTokenizer("{}", "f"), ["UserError", /Cannot read f: 'model'/]],
  ],
  encodeTokenizer: [["no merges", () => library.encodeTokenizer(new library.BytePairTokenizer([])), "works"]],
  decodeWeights: [
    ["no bytes", () => library.decodeWeights(new Uint8Array(), parameters, "f"), [
      "UserError",
      /Cannot read f: it has 0 bytes/,
    ]],
    [
      "no parameters",
      () => library.decodeWeights(library.encodeWeights(config, [], new Map()), [], "f").weights.size,
      "works",
    ],
  ],
  encodeWeights: weightRows((given) => library.encodeWeights(config, parameters, given).length),
  ...TRAINING_ROWS,
  ...DYNAMICS_ROWS,
  ...STUDY_ROWS,
  grid: [
    // @ts-expect-error -- the types refuse it, and so does the function where nobody checks types
    ["no such factor", () => library.grid({ layers: [1] }), [
      "UserError",
      /Cannot list levels of 'layers': must be one/,
    ]],
    ["too many levels", () => library.grid({ n_layers: Array.from({ length: 33 }, (_, i) => i + 1) }), [
      "UserError",
      /Cannot list 33 layer counts: must be at most 32 in one call/,
    ]],
    ["no sizes", () => library.grid({ n_layers: [], state_size: [] }), "works"],
    ["no layer", () => library.grid({ n_layers: [0] }), [
      "UserError",
      /Cannot read the layer counts of a grid: '0': Too small/,
    ]],
    ["half a state", () => library.grid({ n_layers: [1], state_size: [0.5] }), [
      "UserError",
      /Cannot read the state sizes of a grid: '0'/,
    ]],
  ],
};

for (const [name, rows] of Object.entries(ROWS)) {
  Deno.test(`${name}: works or says what is wrong at its edges`, async (t) => {
    for (const [given, call, outcome] of rows) {
      await t.step(given, async () => {
        const run = async () => assertFinite(await call());
        if (outcome === "works") return await run();
        const [kind, says] = outcome;
        await assert.rejects(run, (error: Error) => {
          assert.equal(error.name, kind, error.stack);
          assert.match(error.message, says);
          assert.match(error.message, /^Cannot .*[^.]$/);
          return true;
        });
      });
    }
  });
}

Deno.test("each export of mod.ts has its edges in this table", () => {
  assert.deepEqual(Object.keys(ROWS).sort(), Object.keys(library).sort());
  for (const [name, rows] of Object.entries(ROWS)) assert.ok(rows.length, name);
});
