import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { holdLock } from "../../../train/process/lock.ts";
import { tempFolder } from "../../experiments/folder.ts";

const LOCK = fileURLToPath(new URL("../../../train/process/lock.ts", import.meta.url));

/** A process that takes a lock, says so, and keeps it until it is killed. */
async function holder(path: string): Promise<Deno.ChildProcess> {
  const script = `import { holdLock } from ${JSON.stringify(`file://${LOCK}`)};
    await holdLock(${JSON.stringify(path)}, { removesFile: true }); console.log("held"); setInterval(() => {}, 1000);`;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return child;
}

Deno.test(
  "holdLock() waits for a living holder, says so once, and is held as soon as that one is killed",
  async () => {
    await using temp = await tempFolder();
    const path = join(temp.path, "lock");
    const child = await holder(path);
    let waits = 0;
    const waiting = holdLock(path, {
      removesFile: true,
      onWait() {
        waits++;
        // That it says so shows that it waits.
        child.kill("SIGKILL");
      },
    });
    (await waiting)[Symbol.dispose]();
    await child.status;
    await child.stdout.cancel();
    assert.equal(waits, 1);
    assert.deepEqual([...Deno.readDirSync(temp.path)], []);
  },
);

Deno.test("holdLock() stops waiting when its signal comes, and leaves the holder's lock", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, "lock"), stop = new AbortController();
  using _held = await holdLock(path);
  await assert.rejects(
    holdLock(path, { onWait: () => stop.abort(), signal: stop.signal, removesFile: true }),
    { name: "AbortError" },
  );
  assert.deepEqual([...Deno.readDirSync(temp.path)].map(({ name }) => name), ["lock"]);
});

Deno.test("holdLock() lets one in at a time when each takes the file away with it", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, "lock");
  let inside = 0, most = 0;
  await Promise.all(Array.from({ length: 20 }, async () => {
    using _lock = await holdLock(path, { removesFile: true });
    most = Math.max(most, ++inside);
    await new Promise((resolve) => setTimeout(resolve, 5));
    inside--;
  }));
  assert.equal(most, 1);
  assert.deepEqual([...Deno.readDirSync(temp.path)], []);
});

Deno.test("holdLock() whose file was removed leaves the one that another holds by now", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const path = join(dir, "lock");
  const first = await holdLock(path, { removesFile: true });
  Deno.removeSync(path);
  const second = await holdLock(path, { removesFile: true });
  first[Symbol.dispose]();
  assert.deepEqual([...Deno.readDirSync(dir)].map(({ name }) => name), ["lock"]);
  const stop = new AbortController();
  await assert.rejects(
    holdLock(path, { removesFile: true, onWait: () => stop.abort(), signal: stop.signal }),
    { name: "AbortError" },
  );
  second[Symbol.dispose]();
  assert.deepEqual([...Deno.readDirSync(dir)], []);
});

Deno.test("holdLock() never removes a file that has content, or one that is to stay", async () => {
  await using temp = await tempFolder();
  const path = join(temp.path, "lock");
  Deno.writeTextFileSync(path, "somebody's");
  (await holdLock(path, { removesFile: true }))[Symbol.dispose]();
  assert.equal(Deno.readTextFileSync(path), "somebody's");
  Deno.writeTextFileSync(path, "");
  (await holdLock(path))[Symbol.dispose]();
  assert.equal(Deno.readTextFileSync(path), "");
});
