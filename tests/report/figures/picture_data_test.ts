/** The data behind each picture: as many rows as things are drawn, with the numbers that they are drawn at. */
import assert from "node:assert/strict";
import { parseHTML } from "linkedom";
import { extentOf } from "../../../cells/extremes.ts";
import { GATED } from "../../../cells/factors.ts";
import { csvOf } from "../../../report/data/csv.ts";
import { belowLoss } from "../../../report/data/loss_filter.ts";
import type { MergedRow } from "../../../report/data/merged.ts";
import type { Value } from "../../../report/data/table.ts";
import { pictureTable, textColumn } from "../../../report/figures/data_columns.ts";
import { type Picture, type PictureData, picturesOf } from "../../../report/figures/pictures.ts";
import { SEEDS_LABEL, type SvgElement } from "../../../report/figures/svg.ts";
import { DIFFERENCE_COLOUR } from "../../../report/figures/theme.ts";
import { type CsvRow, csvRows } from "../csv_rows.ts";
import { ofResults, STUDIES } from "./picture_studies.ts";
import { syntheticResults } from "../synthetic_results.ts";

/** A picture with its table: the numbers as they were computed, and the rows of its CSV. */
interface Shown {
  readonly root: SvgElement;
  readonly rows: readonly CsvRow[];
  readonly data: PictureData;
}

/** The root of a picture. */
function parsed(svg: string): SvgElement {
  const { document } = parseHTML(`<html><body>${svg}</body></html>`) as unknown as { document: { body: SvgElement } };
  return document.body;
}

const numbersOf = (rows: readonly CsvRow[], column: string) => rows.map((row) => Number(row[column]));

/** Elements of a kind with these attributes. */
function elements({ root }: Shown, selector: string): SvgElement[] {
  return [...root.querySelectorAll(selector)];
}

/** What carries a configuration's name, in the order of the picture. */
function named(shown: Shown, selector = "*"): string[] {
  return elements(shown, `${selector}[data-run]`).map((one) => one.getAttribute("data-run")!).sort();
}

/** The place of a dot in its panel, in pixels. */
function placeOf(dot: SvgElement): [x: number, y: number] {
  if (dot.tagName.toLowerCase() === "circle") return [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))];
  const [, x, y] = /translate\(([^,]*),([^)]*)\)/.exec(dot.getAttribute("transform")!)!;
  return [Number(x), Number(y)];
}

/** Fails where places are no linear function of values: pixels are rounded to tenths. */
function assertLinear(values: readonly number[], places: readonly number[], what: string): void {
  assert.equal(values.length, places.length, what);
  const [low, high] = extentOf(values), [from, to] = [low, high].map((end) => places[values.indexOf(end)]);
  assert.ok(high > low && from !== to, `${what}: ${low} to ${high} at ${from} to ${to}`);
  for (const [i, value] of values.entries()) {
    const expected = from + (value - low) / (high - low) * (to - from);
    assert.ok(Math.abs(places[i] - expected) < 0.3, `${what}: ${value} at ${places[i]}, not ${expected}`);
  }
}

const configurations = ({ rows }: Shown) => rows.filter(({ shown }) => shown === "configuration");
const namesOf = (rows: readonly CsvRow[]) => rows.map(({ name }) => name).sort();

/** Each row has a named dot; dots of a panel are drawn worst first, and stand at the values of two columns. */
function eachHasADot(shown: Shown, [x, y]: readonly [string, string], panel: string | undefined): void {
  const { rows } = shown, isDot = "circle[data-run], path[data-run][transform]";
  const dots = elements(shown, isDot);
  assert.deepEqual(named(shown), namesOf(rows));
  const places = new Map(dots.map((dot) => [dot, placeOf(dot)]));
  const groups = [...Map.groupBy(rows, (row) => panel === undefined ? "" : row[panel]).values()];
  assert.ok(groups.every(({ length }) => length > 0));
  let from = 0;
  for (const group of groups) {
    const own = dots.slice(from, from += group.length), drawn = group.toReversed();
    assert.deepEqual(own.map((dot) => dot.getAttribute("data-run")), drawn.map(({ name }) => name));
    const at = own.map((dot) => places.get(dot)!);
    // Of one dot nothing can be said.
    if (new Set(numbersOf(group, y)).size > 1) assertLinear(numbersOf(drawn, y), at.map(([, y]) => y), y);
    if (x && new Set(numbersOf(group, x)).size > 1) assertLinear(numbersOf(drawn, x), at.map(([x]) => x), x);
  }
}

/** Each row has a dot of its own, at its difference: a large one of a mean, a small one of a seed. */
function forest(shown: Shown): void {
  const known = shown.rows.filter(({ difference }) => difference !== "");
  for (const [isSmall, r] of [[true, "2"], [false, "4.2"]] as const) {
    const rows = known.filter(({ seed }) => (seed !== "") === isSmall), dots = elements(shown, `circle[r="${r}"]`);
    assert.equal(dots.length, rows.length, `circles of ${r}`);
    const drawn = rows.map((row, i) => ({ row, x: Number(dots[i].getAttribute("cx")) }));
    // Means of other studies have a panel, and so have the effects in each.
    const panels = Map.groupBy(
      drawn,
      ({ row: { measure, study = "", shown } }) => `${measure} ${shown.startsWith("effect") ? study : ""}`,
    );
    for (const [panel, own] of panels) {
      const differences = numbersOf(own.map(({ row }) => row), "difference");
      if (new Set(differences.map((one) => one.toFixed(6))).size > 1) {
        assertLinear(
          differences,
          own.map(({ x }) => x),
          panel,
        );
      }
    }
  }
  for (const { seed, pairs, interval_low, difference, interval_high } of known) {
    assert.equal(seed === "", Number(pairs) > 0);
    if (interval_low) {
      assert.ok(Number(interval_low) <= Number(difference) && Number(difference) <= Number(interval_high));
    }
  }
}

const CHECKS: Readonly<Record<string, (shown: Shown) => void>> = {
  "": (shown) => {
    const curves = Map.groupBy(shown.rows, ({ name }) => name);
    assert.deepEqual(named(shown), [...curves.keys()].sort());
    const [best] = shown.data.rows, own = curves.get(best.name)!;
    const last = own[own.length - 1], loss = best.runs.map((run) => run.loss[run.loss.length - 1]);
    const mean = loss.reduce((sum, one) => sum + one, 0) / loss.length;
    assert.ok(Math.abs(Number(last.loss_nats_per_byte) - mean) < 1e-12);
    assert.equal(Number(last.step), best.runs[0].loss.length * best.log_every);
  },
  _best: (shown) => {
    const ranked = shown.rows.filter(({ rank }) => rank !== ""), curves = Map.groupBy(ranked, ({ name }) => name);
    assert.deepEqual([...curves.keys()], shown.data.rows.slice(0, 10).map(({ name }) => name));
    assert.deepEqual(named(shown), [...curves.keys()].sort());
  },
  _hyperparameters: hyperparameters,
  filtered: hyperparameters,
  _parallel: (shown) => {
    const lines = shown.rows.filter(({ shown }) => shown === "line"), drawn = named(shown);
    const isOwn = (name: string) => GATED.isOwnCell(rowOf(shown, name).config);
    assert.deepEqual(drawn.filter(isOwn), namesOf(lines));
    // A baseline far away has no mark, and is named in a line of text.
    assert.ok(drawn.every((name) => shown.rows.some((row) => row.name === name)));
    assert.equal(lines[0].name, shown.data.rows.find(({ config }) => GATED.isOwnCell(config))!.name);
  },
  _cost: (shown) => {
    eachHasADot(shown, ["", scoreColumn(shown)], "cost_measure");
    const rings = elements(shown, 'circle[r="6"]').length + elements(shown, 'g[stroke-width="1.6"] circle').length;
    assert.ok(rings > 0);
    for (const { cost_measure, cost, name } of shown.rows) {
      const row = rowOf(shown, name);
      assert.equal(Number(cost), cost_measure === "parameters" ? row.parameters : row.train_seconds.mean);
    }
  },
  _test: (shown) => eachHasADot(shown, ["min_loss_nats_per_byte", "test_bits_per_byte"], undefined),
  _effects: forest,
  _effects_by_learning_rate: forest,
  _effects_by_bptt: forest,
  _studies: forest,
  _dynamics_effects: forest,
  _interactions: (shown) => {
    const { interactions } = shown.data.effects;
    assert.equal(shown.rows.length, interactions.length);
    // A cell with a number has a tint over its ground.
    const known = interactions.filter(({ difference }) => difference !== undefined);
    assert.equal(elements(shown, 'g[aria-label="cell"] rect').length, interactions.length + known.length);
    assert.deepEqual(
      shown.rows.map(({ difference }) => difference),
      interactions.map(({ difference }) => difference === undefined ? "" : `${difference}`),
    );
  },
  _shares: (shown) => {
    for (const [column, fill] of [["alone", DIFFERENCE_COLOUR.lower], ["together", "#a9cde6"]]) {
      const bars = elements(shown, `g[fill="${fill}"] rect, rect[fill="${fill}"]`)
        .filter((bar) => Number(bar.getAttribute("height")) > 12);
      const shares = numbersOf(shown.rows.filter((row) => row[column] !== ""), column);
      // A share of 0 has a bar of no width; rows without the share have one, too.
      assertSameRatios(shares, bars.map((bar) => Number(bar.getAttribute("width"))), column);
    }
    assert.ok(Math.abs(sumOf(shown, "alone") + sumOf(shown, "together", "interaction") - 1) < 1e-9);
  },
  _cells: (shown) => {
    const seeds = shown.rows.filter(({ shown }) => shown === "seed");
    assert.deepEqual(named(shown), namesOf(seeds));
    const [{ name, seed, value }] = seeds;
    assert.equal(Number(value), rowOf(shown, name).runs.find((run) => run.seed === Number(seed))!.test_bits_per_byte);
  },
  _steps_back: (shown) => {
    const [seeds, means] = [true, false].map((small) => shown.rows.filter(({ seed }) => (seed !== "") === small));
    const dots = elements(shown, "circle[data-run], path[data-run][transform]");
    assert.deepEqual(
      dots.map((dot) => dot.getAttribute("data-run")).sort(),
      means.map(({ best_name }) => best_name).sort(),
    );
    const small = elements(shown, `g[aria-description="${SEEDS_LABEL}"] > *`);
    assert.equal(small.length, seeds.length);
  },
  _promotion: (shown) => assert.deepEqual(named(shown), namesOf(shown.rows)),
  _dynamics: (shown) => {
    eachHasADot(shown, ["", "test_bits_per_byte"], "measure");
    const exponents = shown.rows.filter(({ measure }) => measure === "lyapunov_largest");
    assert.ok(exponents.length && exponents.every(({ value, unit }) => Number(value) < 0 && unit === "nats per byte"));
  },
  _dynamics_dimension: (shown) => eachHasADot(shown, ["", "test_bits_per_byte"], "measure"),
  _dynamics_switches: (shown) => {
    const dots = configurations(shown), means = shown.rows.filter(({ shown }) => shown === "mean of pairs");
    eachHasADot({ ...shown, rows: dots }, ["", "test_bits_per_byte"], "switch");
    assert.ok(means.length > 0 && means.every((row) => Number(row.mean_forgetting_time_bytes) > 0));
  },
  _dynamics_spectra: (shown) => {
    const curves = Map.groupBy(shown.rows, ({ name }) => name);
    assert.deepEqual(named(shown), [...curves.keys()].sort());
    for (const own of curves.values()) {
      const values = numbersOf(own, "lyapunov_exponent_nats_per_byte");
      assert.deepEqual(values, values.toSorted((a, b) => b - a));
    }
  },
  _dynamics_recall: (shown) => {
    assert.deepEqual(named(shown, "circle"), namesOf(shown.rows));
    // Planted: 4 bits, half of it, and half of that.
    const [first] = shown.rows, own = shown.rows.filter(({ name }) => name === first.name);
    assert.deepEqual(numbersOf(own, "recall_bits_per_byte"), [4, 2, 1]);
  },
  _dynamics_gates: (shown) => {
    for (const { shut, open, mean } of shown.rows) assert.deepEqual([shut, open, mean], ["0.2", "0.3", "0.5"]);
    // A legend has one of each colour, too.
    assert.equal(
      elements(shown, `g[aria-label="rect"] rect[fill="${DIFFERENCE_COLOUR.lower}"]`).length,
      shown.rows.length,
    );
  },
  _dynamics_fixed_points: (shown) => {
    const known = shown.rows.map(({ points }) => `${Number(Number(points).toFixed(1))}`).sort();
    const texts = elements(shown, 'g[font-size="12.5"] text').map((text) => text.textContent).sort();
    assert.deepEqual(texts, known);
    for (const row of shown.rows) {
      const shares = ["stable", "unstable", "slow", "none"].map((fate) => Number(row[`share_${fate}`]));
      assert.ok(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-12);
    }
  },
  _dynamics_truncation: (shown) => {
    const dots = elements(shown, "circle[data-run], path[data-run][transform]");
    assert.deepEqual(
      dots.map((dot) => dot.getAttribute("data-run")).sort(),
      namesOf(shown.rows),
    );
    const [cosines] = ["cosine"].map((number) => shown.rows.filter((row) => row.number === number));
    assert.deepEqual(new Set(numbersOf(cosines, "value")), new Set([1, 0.7]));
  },
};

function hyperparameters(shown: Shown): void {
  const dots = configurations(shown), baselines = shown.rows.filter(({ shown }) => shown === "baseline");
  const panels = new Set(dots.map(({ panel }) => panel)).size;
  const all = [...dots, ...Array.from({ length: panels }, () => baselines).flat()];
  const isBaseline = (name: string) => baselines.some((row) => row.name === name);
  // A baseline far away has no line.
  const drawn = named(shown);
  assert.deepEqual(
    drawn.filter((name) => !isBaseline(name)),
    namesOf(dots),
  );
  assert.ok(drawn.every((name) => all.some((row) => row.name === name)));
  for (const row of shown.rows.filter(({ shown }) => shown === "mean of the group")) {
    const own = dots.filter(({ panel, panel_value, control }) =>
      panel === row.panel && panel_value === row.panel_value && control === "false"
    );
    const losses = numbersOf(own, "min_loss_nats_per_byte");
    const mean = losses.reduce((sum, loss) => sum + loss, 0) / losses.length;
    assert.ok(Math.abs(Number(row.group_mean_min_loss_nats_per_byte) - mean) < 1e-9, row.panel);
  }
}

function scoreColumn({ rows: [row] }: Shown): string {
  return "validation_bits_per_byte" in row ? "validation_bits_per_byte" : "min_loss_nats_per_byte";
}

function rowOf({ data }: Shown, name: string): MergedRow {
  return data.rows.find((row) => row.name === name)!;
}

function sumOf({ rows }: Shown, column: string, panel?: string): number {
  const own = rows.filter((row) => row[column] !== "" && (panel === undefined || row.panel === panel));
  return numbersOf(own, column).reduce((sum, one) => sum + one, 0);
}

/** Fails unless the largest widths stand to each other as the largest values. */
function assertSameRatios(values: readonly number[], widths: readonly number[], what: string): void {
  const [a, b] = [values, widths].map((list) => list.toSorted((x, y) => y - x).slice(0, 3));
  for (const [i, value] of a.entries()) {
    assert.ok(Math.abs(value / a[0] - b[i] / b[0]) < 0.01, `${what}: ${a} and ${b}`);
  }
}

function kindOf({ name }: Picture): string {
  return name.startsWith("filtered") ? "filtered" : name.replace(/^results_0\d_(all|big)/, "");
}

const seen = new Set<string>();
for (const [study, data] of Object.entries(STUDIES)) {
  for (const picture of picturesOf(data)) {
    const kind = kindOf(picture);
    seen.add(kind);
    Deno.test(`the data of ${picture.name} of ${study} are what is drawn, in full precision`, () => {
      const table = picture.data(), text = csvOf(table), rows = csvRows(text);
      const names = table.columns.map(({ name }) => name);
      assert.equal(new Set(names).size, names.length, `${names}`);
      for (const { name, about } of table.columns) assert.match(about, /^[^\n]{5,160}$/, name);
      assert.ok(rows.length > 0);
      assert.equal(rows.length, table.rows.length);
      for (const { name, of } of table.columns) {
        for (const [i, row] of rows.entries()) assert.ok(isSame(of(table.rows[i]), row[name]), `${name}: ${row[name]}`);
      }
      assert.equal(csvOf(picture.data()), text);
      const root = parsed(picture.svg);
      CHECKS[kind]({ root, rows, data });
    });
  }
}

/** Whether a field of a CSV is this value, to the last bit. */
function isSame(value: Value, field: string): boolean {
  if (value === null) return field === "";
  return typeof value === "number" ? Number.isFinite(value) && Number(field) === value : `${value}` === field;
}

Deno.test("these studies have every kind of picture", () => {
  assert.deepEqual([...seen].sort(), Object.keys(CHECKS).sort());
});

Deno.test("the data of a picture that shows no configuration are a line of headings", () => {
  const data = { ...STUDIES["one run"], filter: belowLoss(0.1, "byte") };
  const text = csvOf(picturesOf(data).find(({ name }) => name.startsWith("filtered"))!.data());
  assert.match(text, /^panel,panel_value,shown,name,id,label,[^\r]*\r\n$/);
});

Deno.test("pictureTable() numbers columns of one name, as a factor may be called as what a picture shows", () => {
  const column = textColumn("value", "a text", (row: string) => row);
  const { columns, rows } = pictureTable([column, column, textColumn("name", "a text", () => undefined)], ["a"]);
  assert.deepEqual(columns.map(({ name }) => name), ["value", "value-2", "name"]);
  assert.deepEqual(columns.map(({ of }) => of(rows[0])), ["a", "a", null]);
});

Deno.test("losses of models that read tokens have a column that says so", () => {
  const [result] = syntheticResults({ layers: [1], state_sizes: [256], steps: 1000 });
  const data = ofResults([{ ...result, tokens: "bpe", vocabulary: 512, bytes_per_token: 2 }]);
  const curves = picturesOf(data).find(({ name }) => name === "results_01_all")!,
    names = curves.data().columns.map(({ name }) => name);
  assert.ok(names.includes("loss_nats_per_token") && !names.some((name) => name.includes("per_byte")), `${names}`);
});
