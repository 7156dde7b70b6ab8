/** Golden files from outside: what is wrong with one is said in one line. */
import assert from "node:assert/strict";
import { gradientName } from "../../cells/language_model.ts";
import type { Engine } from "../../train/engines/engine.ts";
import { openReferenceEngine, REFERENCE_ENGINE } from "../../train/engines/reference.ts";
import { certifyGroup, goldenConfig, type GoldenFile, parseGolden } from "../../train/golden.ts";
import { CATALOG_BPTT_GOLDEN, CATALOG_GOLDEN, describeCase, GOLDEN } from "../cells/catalog/golden_cases.ts";

/** A file of one case of the catalog, with changes. */
function fileWith(change: (golden: GoldenFile["cases"][number]) => void): string {
  const golden = structuredClone(CATALOG_GOLDEN.cases.find(({ cell, n_layers }) => cell === "lstm" && n_layers === 2)!);
  change(golden);
  return JSON.stringify({ settings: CATALOG_GOLDEN.settings, cases: [golden] });
}

Deno.test("parseGolden() reads a case of the catalog, whose states stand layer by layer, and one of the gated cell", () => {
  const { settings, cases: [lstm] } = parseGolden(fileWith(() => {}), "f");
  assert.equal(lstm.final_state.length, 4);
  assert.deepEqual([goldenConfig(settings, lstm).cell, goldenConfig(settings, lstm).n_layers], ["lstm", 2]);
  const [gated] = GOLDEN.cases;
  assert.deepEqual(goldenConfig(GOLDEN.settings, { ...gated, cell: "gated" }).use_residual, gated.use_residual);
});

const FAULTS: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ["a text that is no JSON", "{", /: it is not JSON$/],
  [
    "a cell that there is not",
    fileWith((golden) => golden.cell = "lstn"),
    /: case 0: Cannot make cell 'lstn': must be/,
  ],
  ["a name that is no text", fileWith((golden) => golden.cell = 3 as never), /'cases.0.cell': expected string/],
  ["too many layers", fileWith((golden) => golden.n_layers = 65), /: case 0: .*'n_layers': Too big/],
  ["a case without switches", fileWith((golden) => delete golden.cell), /: case 0: .*'use_input_gate'/],
  ["a loss too few", fileWith((golden) => golden.losses.pop()), /: case 0: it has 11 losses, must have 12$/],
  [
    "the states of one layer",
    fileWith((golden) => golden.final_state.length = 2),
    /: case 0: its final states have \[12,12\] numbers, must be 4 times 12$/,
  ],
  [
    "a state too short",
    fileWith((golden) => golden.final_state[3].pop()),
    /: case 0: its final states have \[12,12,12,11\] numbers, must be 4 times 12$/,
  ],
];
for (const [what, text, message] of FAULTS) refuses(what, text, message);

function refuses(what: string, text: string, message: RegExp): void {
  Deno.test(`parseGolden() refuses ${what}`, () => {
    assert.throws(() => parseGolden(text, "f.json"), (error: Error) => {
      assert.equal(error.name, "UserError");
      assert.match(error.message, /^Cannot read golden file f\.json: /);
      assert.match(error.message, message);
      return true;
    });
  });
}

/** A file of one case whose gradients go through several steps, with changes. */
function bpttFileWith(change: (golden: GoldenFile["cases"][number]) => void, settings = CATALOG_BPTT_GOLDEN.settings) {
  const golden = structuredClone(
    CATALOG_BPTT_GOLDEN.cases.find(({ cell, n_layers }) => cell === "lstm" && n_layers === 2)!,
  );
  change(golden);
  return JSON.stringify({ settings, cases: [golden] });
}

type Full = Record<string, number[][]>;
const fullOf = (golden: GoldenFile["cases"][number]) => golden.gradients_at_step_1 as Full;
const GATE = "layers.1.forget_gate_nn.weight";
const turned = (rows: number[][]) => rows[0].map((_, column) => rows.map((row) => row[column]));

Deno.test("parseGolden() reads steps back and full gradients, as nested lists or as one", () => {
  for (const flat of [false, true]) {
    const text = bpttFileWith((golden) => {
      for (const [name, rows] of flat ? Object.entries(fullOf(golden)) : []) {
        golden.gradients_at_step_1![name] = rows.flat();
      }
    });
    const { settings, cases: [golden] } = parseGolden(text, "f");
    assert.equal(settings.bptt, 4);
    assert.deepEqual(Object.keys(golden.gradients_at_step_1!), ["input_embedding.weight", GATE]);
    assert.equal(golden.gradients_at_step_1![GATE].flat().length, 4 * 8);
  }
});

const BPTT_FAULTS: readonly (readonly [what: string, text: string, message: RegExp])[] = [
  ...[0, 65, 2.5].map((bptt) =>
    [
      `${bptt} steps back`,
      bpttFileWith(() => {}, { ...CATALOG_BPTT_GOLDEN.settings, bptt }),
      /: 'settings\.bptt': [^\n]+$/,
    ] as const
  ),
  [
    "a full gradient of a weight that the cell has not",
    bpttFileWith((golden) => fullOf(golden)["layers.2.forget_gate_nn.weight"] = fullOf(golden)[GATE]),
    /: case 0: 'gradients_at_step_1' has 'layers\.2\.forget_gate_nn\.weight', which is not a weight of the cell$/,
  ],
  [
    "a full gradient without its sums",
    bpttFileWith((golden) => delete golden.grads_at_step_1[GATE]),
    /: case 0: 'gradients_at_step_1' has '[\w.]+', which 'grads_at_step_1' lacks$/,
  ],
  [
    "a full gradient where no gradient flows",
    bpttFileWith((golden) => golden.grads_at_step_1[GATE] = null),
    /: case 0: 'gradients_at_step_1' has '[\w.]+', which 'grads_at_step_1' lacks$/,
  ],
  [
    "a full gradient in the shape of its transpose",
    bpttFileWith((golden) => fullOf(golden)[GATE] = turned(fullOf(golden)[GATE])),
    /: case 0: the values of gradient '[\w.]+' have another shape than the weight, \[4, 8\]$/,
  ],
  [
    "a full gradient with a row too short",
    bpttFileWith((golden) => fullOf(golden)[GATE][2].pop()),
    /: case 0: the values of gradient '[\w.]+' have another shape than the weight, \[4, 8\]$/,
  ],
  [
    "a full gradient with a number too few in one list",
    bpttFileWith((golden) => golden.gradients_at_step_1![GATE] = fullOf(golden)[GATE].flat().slice(1)),
    /: case 0: the values of gradient '[\w.]+' have another shape than the weight, \[4, 8\]$/,
  ],
  [
    "a full gradient with a wrong value",
    bpttFileWith((golden) => fullOf(golden)[GATE][1][3] *= 1.0001),
    /: case 0: the values of gradient '[\w.]+' have \S+ as their sum, must be \S+$/,
  ],
  [
    "full gradients of the wrong sign by pairs, whose sum is right",
    bpttFileWith((golden) => {
      const [row] = fullOf(golden)[GATE];
      row[0] += 0.1;
      row[1] -= 0.1;
    }),
    /: case 0: the values of gradient '[\w.]+' have \S+ as their sum of squares, must be \S+$/,
  ],
  [
    "a full gradient that is no list of numbers",
    bpttFileWith((golden) => golden.gradients_at_step_1![GATE] = ["1"] as never),
    /: 'cases\.0\.gradients_at_step_1\.[\w.]+': [^\n]+$/,
  ],
];
for (const [what, text, message] of BPTT_FAULTS) refuses(what, text, message);

/** The reference engine, which says of each weight's gradient what stands in it, in other places. */
async function misplacing(move: (rows: number[][]) => number[][]): Promise<Engine> {
  const engine = await openReferenceEngine();
  return {
    ...engine,
    name: engine.name,
    adapter: engine.adapter,
    async open(runs, text, options) {
      const group = await engine.open(runs, text, options);
      const { parameters } = runs[0].step;
      const weights = parameters.filter(({ shape }) => shape.length === 2).map(({ name, shape }) =>
        [gradientName(name), shape] as const
      );
      return {
        beginPass: (...given) => group.beginPass(...given),
        advance: (steps) => group.advance(steps),
        replace: (...given) => group.replace(...given),
        close: () => group.close(),
        async read(run) {
          const found = new Map(await group.read(run));
          for (const [name, [rows, columns]] of weights) {
            const values = Array.from(found.get(name) ?? []), ofRow = (_: unknown, row: number) => row * columns;
            const all = Array.from({ length: rows }, ofRow).map((first) => values.slice(first, first + columns));
            if (values.length) found.set(name, Float64Array.from(move(all).flat()));
          }
          return found;
        },
      };
    },
  };
}

const MOVES: readonly (readonly [what: string, move: (rows: number[][]) => number[][]])[] = [
  ["is transposed", turned],
  ["has its rows in another order", (rows) => rows.toReversed()],
  ["has another input first", (rows) => rows.map((row) => [...row.slice(4), ...row.slice(0, 4)])],
];
for (const [what, move] of MOVES) {
  Deno.test(`certifyGroup() notices that a gradient ${what}, which sums do not tell`, async () => {
    for (const { settings, cases } of [GOLDEN, CATALOG_GOLDEN, CATALOG_BPTT_GOLDEN]) {
      const full = cases.filter(({ gradients_at_step_1 }) => gradients_at_step_1);
      for (const golden of full.filter((_, i) => i % 6 === 0)) {
        const [unmoved] = await certifyGroup(await misplacing((rows) => rows), settings, [golden]);
        assert.ok(unmoved.gradients <= REFERENCE_ENGINE.tolerance, `${describeCase(golden)}: ${unmoved.gradients}`);
        const [wrong] = await certifyGroup(await misplacing(move), settings, [golden]);
        assert.deepEqual([wrong.losses, wrong.states], [unmoved.losses, unmoved.states]);
        assert.ok(wrong.gradients > 1e-2, `${describeCase(golden)}: ${wrong.gradients}`);
        const { gradients_at_step_1: _, ...sums } = golden;
        const [unnoticed] = await certifyGroup(await misplacing(move), settings, [sums as typeof golden]);
        assert.ok(unnoticed.gradients <= REFERENCE_ENGINE.tolerance, `${unnoticed.gradients}`);
      }
    }
  });
}
