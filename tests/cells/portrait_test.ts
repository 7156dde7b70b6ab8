import assert from "node:assert/strict";
import { catalogConfig, CELL_NAMES, cellOf } from "../../cells/catalog/catalog.ts";
import type { CellConfig } from "../../cells/config.ts";
import { add, input, mul, named } from "../../cells/graph/builder.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import { equations } from "../../cells/graph/printer.ts";
import { sketch } from "../../cells/graph/sketch.ts";
import { evaluationModel } from "../../cells/language_model.ts";
import { CELL_PICTURE_STYLE, cellPicture, equationsOf } from "../../cells/portrait.ts";
import { cellKey } from "../../cells/cell_name.ts";
import { allGatedConfigs, gatedConfig } from "./catalog/golden_cases.ts";

const SETTINGS = allGatedConfigs();
const CATALOG = CELL_NAMES.filter((name) => name !== "gated").map((name) => catalogConfig(name, 2, 4));
const ALL = [...SETTINGS, ...SETTINGS.map((config): CellConfig => ({ ...config, gate_inputs: "x,h" })), ...CATALOG];
const ALL_OFF = gatedConfig({
  use_input_gate: false,
  use_forget_gate: false,
  use_output_gate: false,
  use_state_gate: false,
  use_old_state: false,
  use_residual: false,
});
const BEST = { ...ALL_OFF, use_forget_gate: true, use_state_gate: true, use_residual: true };

/** The products of a gated cell by their weights' names. */
function productsOf(config: CellConfig): string[] {
  return [
    ...(config.use_input_gate ? ["input_gate", "state_input_gate"] : []),
    "state",
    ...(config.use_state_gate ? ["state_gate"] : []),
    ...(config.use_forget_gate ? ["forget_gate"] : []),
    "output",
    ...(config.use_output_gate ? ["output_gate"] : []),
  ].sort();
}

const layerLines = (config: CellConfig) => equationsOf(config)[1].lines;

Deno.test("equationsOf() writes out the best cell of the original study, one layer for all three", () => {
  assert.deepEqual(equationsOf({ ...BEST, n_layers: 3 }), [
    { title: "Input embedding, from a byte", lines: ["x = W_input_embedding[:, bytes] + b_input_embedding"] },
    {
      title:
        "Each of the 3 layers, from its input x (the embedding, or the previous layer's y) and its carried state h",
      lines: [
        "n = tanh(W_state_nn [x, h] + b_state_nn)",
        "z = σ(W_state_gate_nn [x, h, n] + b_state_gate_nn)",
        "n′ = z ⊙ n + (1 − z) ⊙ h",
        "f = σ(W_forget_gate_nn [x, h, n′] + b_forget_gate_nn)",
        "n′′ = f ⊙ n′",
        "o = W_output_nn [n′′, x] + b_output_nn",
        "y = o ⊙ σ(o)",
        "h ⟵ n′′",
      ],
    },
    {
      title: "Output embedding, from the last layer's y to the logits of the next byte",
      lines: ["logits = W_output_embedding y + b_output_embedding"],
    },
  ]);
});

Deno.test("equationsOf() says that there is one layer when there is one", () => {
  const [, one, head] = equationsOf(BEST);
  assert.equal(one.title, "The layer, from its input x and its carried state h");
  assert.equal(head.title, "Output embedding, from the layer's y to the logits of the next byte");
  assert.deepEqual(one.lines, layerLines({ ...BEST, n_layers: 3 }));
});

Deno.test("equationsOf() mentions exactly a setting's gates, for each of the 96", () => {
  assert.equal(SETTINGS.length, 96);
  for (const config of SETTINGS) {
    const text = layerLines(config).join("\n"), weights = [...text.matchAll(/W_(\w+)_nn/g)].map(([, name]) => name);
    assert.deepEqual(weights.sort(), productsOf(config), cellKey(config));
    const n = "n" + "′".repeat(Number(config.use_state_gate) + Number(config.use_forget_gate));
    const h = config.use_input_gate ? "h̃" : "h";
    const u = [...(config.use_new_state ? [n] : []), ...(config.use_old_state ? [h] : [])];
    const read = [...u, ...(config.use_residual ? ["x"] : [])];
    assert.ok(text.includes(`o = W_output_nn ${read.length > 1 ? `[${read.join(", ")}]` : read[0]} + b`), text);
    assert.equal(layerLines(config).at(-1), `h ⟵ ${n}`);
  }
});

Deno.test("equationsOf() of one layer has the lines of the model's whole graph, and but these what is carried and passed on", () => {
  for (const config of ALL) {
    const one = { ...config, n_layers: 1 };
    const whole = equations(evaluationModel(cellOf(one), one).graph);
    const all = equationsOf(one).flatMap(({ lines }) => lines);
    // Where the output is a state too, the whole graph reads it out under the state's symbol.
    const own = all.filter((line) => !/⟵|\(learned\)$/.test(line) && !/^y = [a-z]′?$|^logits/.test(line));
    assert.deepEqual(own.sort(), whole.filter((line) => !line.startsWith("logits")).sort(), cellKey(config));
  }
});

Deno.test("equationsOf() says what an LSTM passes on and carries", () => {
  const lines = layerLines(catalogConfig("lstm", 2, 4));
  assert.deepEqual(lines.slice(-5), ["c′ = f ⊙ c + i ⊙ g", "h′ = o ⊙ tanh(c′)", "y = h′", "h ⟵ h′", "c ⟵ c′"]);
  assert.match(equationsOf(catalogConfig("lstm", 2, 4))[1].title, /and its carried states h and c$/);
});

Deno.test("equationsOf() names the weights that stand in no product, and of other cells none", () => {
  const [first, second] = layerLines(catalogConfig("indrnn", 2, 4));
  assert.deepEqual([first, second], ["u = recurrent (learned)", "h′ = relu(W_state_nn x + b_state_nn + u ⊙ h)"]);
  const counts = CATALOG.map((config): [string, number] => [
    config.cell!,
    layerLines(config).filter((line) => line.endsWith("(learned)")).length,
  ]);
  assert.deepEqual(counts.filter(([, count]) => count), [["indrnn", 1], ["lru", 5], ["peephole_lstm", 3]]);
});

Deno.test("cellKey() tells cells apart, and not layers or state sizes", () => {
  assert.equal(new Set(ALL.map((config) => cellKey(config))).size, ALL.length);
  for (const config of ALL) {
    assert.match(cellKey(config), /^[a-z0-9_-]+$/);
    assert.equal(cellKey({ ...config, n_layers: 3, state_size: 7 }), cellKey(config));
  }
  assert.equal(cellKey(BEST), "gated-2457");
  assert.equal(cellKey({ ...BEST, gate_inputs: "x,h,n", cell: "gated" }), "gated-2457");
});

/** What is written in a picture, in each box its lines. */
const textsIn = (svg: string) => [...svg.matchAll(/<text [^>]*>([^<]*)<\/text>/g)].map(([, text]) => text);
const edgesIn = (svg: string) => svg.match(/class="sketch-edge" d="([^"]*)"/)![1].split("M").length - 1;

Deno.test("cellPicture() shows exactly a setting's gates, for each of the 96", () => {
  for (const config of SETTINGS) {
    const texts = textsIn(cellPicture(config).inline),
      names = productsOf(config).map((name) => name.replaceAll("_", " "));
    const known = productsOf(gatedConfig({})).map((name) => name.replaceAll("_", " "));
    assert.deepEqual(texts.filter((text) => known.includes(text)).sort(), names.sort(), cellKey(config));
    assert.ok(texts.includes("x") && texts.includes("h") && texts.includes("y"));
    assert.ok(texts.includes(layerLines(config).at(-1)!), texts.join("|"));
  }
});

Deno.test("cellPicture() draws a box for each product and operation, and an edge for each that is read", () => {
  const vanilla = cellPicture(catalogConfig("vanilla", 1, 4)).svg;
  assert.deepEqual(textsIn(vanilla), ["x", "h", "state", "n = tanh", "h ⟵ n", "y"]);
  assert.equal(edgesIn(vanilla), 4);
  const best = cellPicture(BEST).svg;
  const gates = ["state gate", "z = σ", "forget gate", "f = σ"], operations = ["×", "1 −", "×", "+", "×", "σ", "×"];
  const others = ["x", "h", "state", "n = tanh", "output", "o", "y", "h ⟵ n′′"];
  assert.deepEqual(textsIn(best).sort(), [...gates, ...operations, ...others].sort());
  // state 2, state gate 3, z ⊙ n 2, 1 − z 1, ⊙ h 2, sum 2, forget gate 3, f ⊙ 2, output 2, σ 1, y 2, ends 2.
  assert.equal(edgesIn(best), 24);
  const count = (what: string) =>
    best.match(new RegExp(`<g class="sketch-${what}">.*?</g>`))![0].split("<rect").length - 1;
  assert.deepEqual(["gate", "product", "op", "end"].map(count), [2, 2, 7, 4]);
});

/** The boxes of a picture, by their sides. */
function boxesIn(svg: string) {
  return [...svg.matchAll(/<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)"/g)]
    .map(([, x, y, w, h]) => ({ left: +x, top: +y, right: +x + +w, bottom: +y + +h }));
}

/** The pieces of a path between its Ms, as numbers. */
function pathIn(svg: string, name: string): number[][] {
  const [, d] = svg.match(new RegExp(`class="${name}" d="M([^"]*)"`))!;
  return d.split("M").map((piece) => piece.match(/-?[\d.]+/g)!.map(Number));
}

Deno.test("cellPicture() lays boxes side by side within the picture", () => {
  for (const config of ALL) {
    const { inline, width, height } = cellPicture(config), key = cellKey(config), boxes = boxesIn(inline);
    assert.ok(inline.includes(`viewBox="0 0 ${width} ${height}"`));
    assert.ok(boxes.length >= 5, key);
    for (const [i, a] of boxes.entries()) {
      assert.ok(a.left >= 0.5 && a.top >= 0.5 && a.right <= width - 0.5 && a.bottom <= height - 0.5, key);
      const over = boxes.slice(0, i).filter((b) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
      );
      assert.deepEqual(over, [], key);
    }
  }
});

Deno.test("cellPicture() leads each edge from one box to the tip at another", () => {
  for (const config of ALL) {
    const { inline } = cellPicture(config), boxes = boxesIn(inline);
    const boxAt = (x: number, y: number) =>
      boxes.findIndex((b) => x > b.left - 2 && x < b.right + 2 && y > b.top - 2 && y < b.bottom + 2);
    const tips = pathIn(inline, "sketch-tip");
    for (const [i, [startX, startY, ...offsets]] of pathIn(inline, "sketch-edge").entries()) {
      let [x, y] = [startX, startY];
      for (let piece = 0; piece < offsets.length; piece += 6) [x, y] = [x + offsets[piece + 4], y + offsets[piece + 5]];
      const [tipX, tipY] = tips[i], from = boxAt(startX, startY), to = boxAt(tipX, tipY);
      assert.ok(from >= 0 && to >= 0 && from !== to, `${cellKey(config)}: from ${startX},${startY} to ${tipX},${tipY}`);
      const gap = Math.hypot(tipX - x, tipY - y);
      assert.ok(gap > 2 && gap < 10, `${cellKey(config)}: edge ends ${gap} from its tip`);
    }
  }
});

Deno.test("sketch() draws any graph: labels with signs of SVG, outputs without a caption", () => {
  const a = named("<a>", input("a", [1, 2])), b = input("b", [1, 2]);
  const { body } = sketch(buildGraph({ sum: add(a, mul(b, 2)) }), new Map());
  assert.deepEqual(textsIn(body).sort(), ["&lt;a&gt;", "+", "b", "sum", "× 2"]);
});

Deno.test("cellPicture() gives the same bytes each time, whatever was drawn before, and all 96 together under 300 KB", () => {
  const first = SETTINGS.map((config) => cellPicture(config));
  const again = SETTINGS.toReversed().map((config) => cellPicture({ ...config, n_layers: 3, state_size: 256 }));
  assert.deepEqual(again.toReversed(), first);
  const bytes = first.reduce((sum, { inline }) => sum + new TextEncoder().encode(inline).length, 0);
  assert.ok(bytes < 300_000, `${bytes} bytes`);
});

Deno.test("cellPicture() says in words what is to be seen, and stands alone with its style", () => {
  const { inline, svg } = cellPicture(BEST);
  for (const shown of [inline, svg]) {
    assert.match(shown, /role="img" aria-label="Cell: forget gate \+ state gate \+ new state \+ residual"/);
  }
  assert.ok(svg.includes(CELL_PICTURE_STYLE) && svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"'));
  assert.ok(!inline.includes("<style") && svg.endsWith(inline.slice(inline.indexOf("<path"))));
  const named = cellPicture(BEST, `a "b" <c>`);
  for (const shown of [named.inline, named.svg]) assert.ok(shown.includes('aria-label="a &quot;b&quot; &lt;c&gt;"'));
});

Deno.test("CELL_PICTURE_STYLE has a rule for every class, and colours lines and text like the text around", () => {
  const used = new Set(
    ALL.flatMap((config) =>
      [...cellPicture(config).inline.matchAll(/class="(sketch-[^"]+)"/g)].map(([, name]) => name)
    ),
  );
  assert.equal(used.size, 7);
  for (const name of used) {
    const rules = [...CELL_PICTURE_STYLE.matchAll(/^(\..+) \{([^}]*)\}/gm)].filter(([, names]) =>
      names.split(", ").includes(`.${name}`)
    );
    assert.ok(rules.some(([, , rule]) => /(fill|stroke): currentColor/.test(rule)), name);
  }
});
