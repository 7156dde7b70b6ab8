import assert from "node:assert/strict";
import { chooseLocation, locationInWords, type ScoreChoice } from "../../../train/scoring/score_on.ts";

const GPU = { adapter: "A GPU", software: false }, SOFTWARE = { adapter: "llvmpipe", software: true };
const right = () => Promise.resolve(), wrong = () => Promise.reject(new Error("Cannot score on webgpu: it is wrong"));

/** Where a choice ends, in words, on a machine with this adapter. */
async function chosen(choice: ScoreChoice, adapter: typeof GPU | undefined, check = right): Promise<string> {
  const { location, why } = await chooseLocation(choice, { adapter: () => Promise.resolve(adapter), check });
  return locationInWords(location) + (why === undefined ? "" : ` (${why})`);
}

Deno.test("chooseLocation() takes a real adapter that scores rightly, and else the CPU", async () => {
  assert.equal(await chosen("auto", GPU), "webgpu: A GPU");
  assert.equal(await chosen("auto", SOFTWARE), "cpu");
  assert.equal(await chosen("auto", undefined), "cpu");
  assert.equal(await chosen("auto", GPU, wrong), "cpu (Cannot score on webgpu: it is wrong)");
});

Deno.test("chooseLocation() takes what is asked for, and says why where it cannot", async () => {
  assert.equal(await chosen("webgpu", SOFTWARE), "webgpu: llvmpipe");
  assert.equal(await chosen("cpu", GPU, wrong), "cpu");
  await assert.rejects(
    chosen("webgpu", GPU, wrong),
    /^UserError: Cannot score on webgpu: it is wrong; use --score-on cpu$/,
  );
  await assert.rejects(
    chosen("webgpu", undefined),
    /^UserError: Cannot score on webgpu: no adapter was found; use --score-on cpu$/,
  );
});
