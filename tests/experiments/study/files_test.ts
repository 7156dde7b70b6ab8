/** Files that appear whole or not at all, one by one and several in their order. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { writeAtomically, writeInOrder } from "../../../experiments/study/files.ts";
import { tempFolder } from "../folder.ts";

Deno.test("writeAtomically() leaves the old file where the new one cannot be written", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await writeAtomically(join(dir, "a"), "old");
  await assert.rejects(writeAtomically(join(dir, "none", "a"), "new"), /^UserError: Cannot write/);
  await assert.rejects(writeAtomically(join(dir, "a"), "new", join(dir, "none")), /^UserError: Cannot write .*a:/);
  assert.equal(await Deno.readTextFile(join(dir, "a")), "old");
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["a"]);
});

Deno.test(
  "writeAtomically() leaves the old file and no other when its commit throws or does not rename",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await writeAtomically(join(dir, "a"), "old");
    const refusal = new Error("not yours");
    const during: string[][] = [];
    const refuse = () => {
      during.push([...Deno.readDirSync(dir)].map(({ name }) => name).sort());
      return Promise.reject(refusal);
    };
    await assert.rejects(writeAtomically(join(dir, "a"), "new", dir, refuse), (error) => error === refusal);
    assert.equal(during[0].length, 2);
    assert.match(during[0][0], /^\..*\.tmp$/);
    assert.equal(await Deno.readTextFile(join(dir, "a")), "old");
    assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["a"]);
    await writeAtomically(join(dir, "a"), "new", dir, (rename) => Promise.resolve(rename()));
    assert.equal(await Deno.readTextFile(join(dir, "a")), "new");
  },
);

Deno.test(
  "writeInOrder() puts each file in its place after those before it, and none behind one that fails",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const names = ["a", "b", "c"], placed: string[] = [];
    const files = () => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
    const write = (name: string, folder = dir) => (commit: (rename: () => void) => Promise<void>) =>
      writeAtomically(join(folder, name), "x".repeat(name === "a" ? 1_000_000 : 1), folder, commit);
    const commit = (rename: () => void) => {
      rename();
      placed.push(files().filter((name) => !name.startsWith(".")).join(""));
      return Promise.resolve();
    };
    await writeInOrder(commit, names.map((name) => write(name)));
    assert.deepEqual(placed, ["a", "ab", "abc"]);
    for (const name of names) Deno.removeSync(join(dir, name));
    await assert.rejects(
      writeInOrder(commit, [write("a"), write("b", join(dir, "none")), write("c")]),
      /^UserError: Cannot write .*b:/,
    );
    assert.deepEqual(files(), ["a"]);
    const refusal = new Error("not yours");
    await assert.rejects(
      writeInOrder(() => Promise.reject(refusal), names.map((name) => write(name))),
      (error) => error === refusal,
    );
    assert.deepEqual(files(), ["a"]);
  },
);
