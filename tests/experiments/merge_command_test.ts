/** `merge` on the real command line: folders with commas and spaces between, a dry run, and what it leaves. */
import assert from "node:assert/strict";
import { trainedApart } from "./session/copies.ts";
import { succeed, task } from "./tasks.ts";
import { editJson } from "./small_study.ts";
import { Study } from "../../experiments/study/store.ts";

const scene = trainedApart();

Deno.test("merge brings runs of folders that are named with commas or spaces, tells how many, and again brings none", async () => {
  const copies = scene(), again = copies.copy("there", "again"), at = ["--dir", copies.here];
  const said = (out: string) => copies.named(out);
  assert.equal(
    said(await succeed("merge", ...at, "--from", copies.there, again, "--dry-run")),
    "3 runs would be merged from THERE, 0 from FOLDER/again; 3 were already here",
  );
  assert.equal(
    said(await succeed("merge", "--from", `${copies.there},${again}`, ...at)),
    "3 runs were merged from THERE, 0 from FOLDER/again; 3 were already here",
  );
  assert.equal(
    said(await succeed("merge", ...at, `--from=${copies.there}`)),
    "0 runs were merged from THERE; 3 were already here",
  );
  assert.match(await succeed("status", ...at), /: 6 of 6 runs done, 0 running/);
});

Deno.test("merge ends with exit code 1 when a run is another one than here, and with a line on it", async () => {
  const copies = scene(), there = await Study.open(copies.there), [{ key }] = await copies.runsThere();
  await succeed("merge", "--dir", copies.here, "--from", copies.there);
  editJson(there.resultPath("01", key), (result) => result.adapter = "GPU");
  const { code, out, err } = await task("merge", "--dir", copies.here, "--from", copies.there);
  assert.equal(code, 1);
  assert.equal(copies.named(out), "0 runs were merged from THERE; 2 were already here; 1 could not be merged");
  assert.match(
    copies.named(err, [key]),
    /^merge: Cannot merge run RUN0 of THERE: its 'adapter' is GPU, here it is .*; the one here stays as it is$/,
  );
});
