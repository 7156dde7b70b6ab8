import assert from "node:assert/strict";
import { GATED_SPACE } from "../../../cells/catalog/catalog.ts";
import { GATED } from "../../../cells/factors.ts";
import { type MergedRow, mergeSeeds } from "../../../report/data/merged.ts";
import { tableOf } from "../../../report/data/rows.ts";
import { bestOf, compared } from "../../../report/page/compare.ts";
import { columnsFor } from "../../../report/page/run_columns.ts";
import { cellIn } from "../../../report/page/run_part.ts";
import { escapeHtml } from "../../../report/page/html.ts";
import { syntheticResults } from "../synthetic_results.ts";
import { validated } from "../validated_results.ts";

const plain = syntheticResults({ layers: [1, 2], state_sizes: [256], steps: 1000 });
/** With a seed come the same scores, so much higher. */
const results = validated(
  [0, 1].flatMap((seed) =>
    plain.map((result) => ({ ...result, seed, test_bits_per_byte: result.test_bits_per_byte! + seed / 8 }))
  ),
);
const rows = mergeSeeds(tableOf(results).rows), data = { experiment: "01", rows, table: GATED_SPACE } as const;

/** The cells of each row of a part's tables, by what the row is called; tags are left out. */
function lines(html: string): Map<string, string[]> {
  return new Map([...html.matchAll(/<tr[^>]*>(.*?)<\/tr>/gs)].map(([, row]) => {
    const [label, ...cells] = [...row.matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/gs)].map(([, cell]) =>
      cell.replace(/<[^>]*>/g, "")
    );
    return [label, cells];
  }));
}

const part = (html: string, heading: string) => html.split(`<h3>${heading}</h3>`)[1].split("<h3>")[0];

Deno.test("compared() shows chosen ones best first, with their ranks among all, whatever their order in the address", () => {
  const chosen = [rows[40], rows[3], rows[7]], html = compared(chosen.map(({ name }) => name), data);
  assert.equal(html, compared(chosen.toReversed().map(({ name }) => name), data));
  const head = [...part(html, "Scores").matchAll(/<th scope="col">.*?<code>(.*?)<\/code>.*?rank (\d+)<\/th>/g)];
  assert.deepEqual(
    head.map(([, name, rank]) => [name, Number(rank)]),
    [[rows[3].name, 4], [rows[7].name, 8], [rows[40].name, 41]],
  );
  const drawn = [...html.matchAll(/<path data-run="(.*?)"/g)].map(([, name]) => name);
  assert.deepEqual(new Set(drawn), new Set(chosen.map(({ name }) => name)));
  assert.doesNotMatch(html, /NaN|Infinity|undefined/);
});

Deno.test("compared() has all that the page's table has, seed by seed, and says in words which is best", () => {
  const chosen = rows.slice(0, 2), html = part(compared(chosen.map(({ name }) => name), data), "Scores");
  const shown = lines(html), headings = columnsFor(chosen, GATED).filter(({ measured }) => measured);
  for (const { heading } of headings) {
    assert.ok(shown.has(escapeHtml(heading)), `${heading} among ${[...shown.keys()]}`);
  }
  const best = chosen.map(({ test_bits_per_byte: test }) => test!.mean);
  const [first, second] = shown.get("test, bits/byte")!;
  assert.deepEqual([first.startsWith("best "), second.startsWith("best ")], [best[0] < best[1], best[1] < best[0]]);
  assert.equal(shown.get("parameters")!.some((cell) => cell.startsWith("best")), false);
  const seeds = [...html.matchAll(/<th scope="row"[^>]*>(seed \d)<\/th>/g)].map(([, seed]) => seed);
  assert.deepEqual(new Set(seeds), new Set(["seed 0", "seed 1"]));
  const test = html.split(">test, bits/byte<")[1].split("</tr>")[1];
  assert.ok(test.includes(chosen[0].runs[0].test_bits_per_byte!.toFixed(3)), test);
});

Deno.test("bestOf() is the lower or the higher mean as the metric says, all that share it, and none where all do", () => {
  const columns = columnsFor(rows, GATED);
  const column = (key: string) => columns.find((one) => one.key === key) as Parameters<typeof bestOf>[1];
  const at = (mean: number | undefined): MergedRow => ({
    ...rows[0],
    test_bits_per_byte: mean === undefined ? undefined : { ...rows[0].test_bits_per_byte!, mean },
  });
  const [low, high, same, none] = [at(2), at(3), at(2), at(undefined)];
  assert.deepEqual([...bestOf([high, low], column("test_bits_per_byte"))], [low]);
  assert.deepEqual([...bestOf([high, low, none, same], column("test_bits_per_byte"))], [low, same]);
  assert.equal(bestOf([low, same], column("test_bits_per_byte")).size, 0);
  assert.equal(bestOf([low, none], column("test_bits_per_byte")).size, 0);
  const gain = {
    measured: { better: "higher" as const, text: () => "", mean: (row: MergedRow) => row === low ? 1 : 0 },
  };
  assert.deepEqual([...bestOf([high, low], { ...column("test_bits_per_byte"), ...gain })], [low]);
  assert.equal(bestOf([rows[0], rows[1]], column("train_seconds")).size, 0);
});

Deno.test("compared() tells what two that differ in one factor differ by, seed by seed, with an interval", () => {
  const off = rows.find(({ config }) => config.use_new_state && !config.use_forget_gate)!;
  const on = rows.find(({ config }) =>
    Object.entries({ ...off.config, use_forget_gate: true }).every(([key, value]) =>
      (config as Record<string, unknown>)[key] === value
    )
  )!;
  const html = compared([on.name, off.name], data), test = lines(html.split("forget gate, on − off</h4>")[1]);
  const difference = on.test_bits_per_byte!.mean - off.test_bits_per_byte!.mean;
  const text = `${difference < 0 ? "−" : "+"}${Math.abs(difference).toFixed(3)}`;
  // Both seeds have the same difference, so the interval is of no width.
  assert.deepEqual(test.get("test, bits/byte"), [text, text, text, `${text} to ${text}`]);
  const three = compared([on.name, off.name, rows[50].name], data);
  assert.ok(!three.includes("on − off"));
});

Deno.test("compared() has a place for each distinct cell, with the configurations that have it", () => {
  const [first] = rows,
    twin = rows.find(({ name, config }) =>
      name !== first.name && cellIn(GATED_SPACE, config) === cellIn(GATED_SPACE, first.config)
    )!;
  const same = compared([first.name, twin.name], data);
  assert.deepEqual([...same.matchAll(/data-cell-copy="(.*?)"/g)].map(([, cell]) => cell), [
    escapeHtml(cellIn(GATED_SPACE, first.config)),
  ]);
  assert.ok(same.includes("All of them have the same cell."));
  const other = rows.find(({ config }) => cellIn(GATED_SPACE, config) !== cellIn(GATED_SPACE, first.config))!;
  const html = compared([first.name, twin.name, other.name], data);
  assert.equal(html.match(/data-cell-copy=/g)?.length, 2);
  assert.ok(html.includes("<mark>≠</mark>"));
});

Deno.test("compared() shows samples as text, and names configurations that are not there", () => {
  const sample = { text: "</p><script>hacked()</script>", prompt: "Once", bytes: 200, temperature: 0.8, seed: 0 };
  const written = mergeSeeds(tableOf(results.map((result) => ({ ...result, sample }))).rows);
  const names = written.slice(0, 2).map(({ name }) => name);
  const html = compared([...names, `<b>"none"`], { ...data, rows: written });
  assert.ok(html.includes("Not among the finished configurations: &lt;b&gt;"));
  assert.equal(part(html, "Generated text").match(/&lt;script&gt;hacked\(\)/g)?.length, 2);
  assert.ok(!html.includes("<script"));
  const alone = compared([names[0], "ffffffff"], data);
  assert.match(alone, /Not among the finished configurations: ffffffff.*choose at least two configurations/s);
});
