/** What a report consists of: a new picture is a line here. */

import assert from "node:assert/strict";
import { basename, join } from "node:path";
import { sumOf } from "../../experiments/study/files.ts";
import type { DrawnReport } from "../../report/write_report.ts";

/** How the names of the pictures end that both experiments have. */
const EVERYWHERE = ["", "_best", "_cost", "_hyperparameters", "_parallel", "_test"];
/** Those of experiment 01 alone. */
const ONLY_01 = ["_effects", "_interactions", "_shares"];

/** Names of the pictures of an experiment that was not promoted from another one, without an ending. */
export function pictureNames(experiment: "01" | "02", filter = "loss_below_1.9"): string[] {
  if (experiment === "02") return EVERYWHERE.map((part) => `results_02_big${part}`);
  const all = [...EVERYWHERE, ...ONLY_01].map((part) => `results_01_all${part}`);
  return [...all, `filtered_results_01_${filter}`];
}

/** Names of the files of such a report, sorted. */
export function reportFiles(experiment: "01" | "02", filter?: string): string[] {
  const page = experiment === "01" ? "report_01_all.html" : "report_02_best.html";
  return [...pictureNames(experiment, filter).flatMap((name) => [`${name}.png`, `${name}.svg`]), page].sort();
}

/** Names of the files that a drawn report would be written to, sorted; a picture becomes two. */
export function filesIn({ pictures, page }: DrawnReport): string[] {
  return [...pictures.flatMap(({ name }) => [`${name}.png`, `${name}.svg`]), page.name].sort();
}

/** The page of a report, {@linkcode withoutScripts}. */
export async function readPage(dir: string, experiment: "01" | "02" = "01"): Promise<string> {
  const name = reportFiles(experiment).find((file) => file.endsWith(".html"))!;
  return withoutScripts(await Deno.readTextFile(join(dir, name)));
}

/** A page without its scripts, and without what these work on. */
export function withoutScripts(html: string): string {
  return html.replaceAll(/<script[^]*?<\/script>/g, "");
}

/** Of files, what tells whether they have the same bytes: a page has megabytes, whose differences nobody could read. */
export async function sumsOf(paths: readonly string[]): Promise<string[]> {
  return await Promise.all(paths.map(async (path) => `${basename(path)} ${sumOf(await Deno.readFile(path))}`));
}

/** Two reports have the same bytes. A page has megabytes, whose differences nobody could read. */
export function assertSame({ pictures, page }: DrawnReport, expected: DrawnReport): void {
  assert.deepEqual(pictures.map(({ name }) => name), expected.pictures.map(({ name }) => name));
  for (const [i, { name, svg }] of expected.pictures.entries()) assert.ok(pictures[i].svg === svg, name);
  assert.ok(page.html === expected.page.html, "the page");
}
