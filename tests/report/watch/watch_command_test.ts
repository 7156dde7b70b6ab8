/** `deno task watch` as a person starts it, with its own permissions, beside a trainer. */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join, relative } from "node:path";
import tasks from "../../../deno.json" with { type: "json" };
import { copiesOfSmallStudy, TRAINED } from "../../experiments/small_study.ts";
import { ROOT, succeed, task } from "../../experiments/tasks.ts";
import { EventReader } from "./sent_events.ts";

const copy = copiesOfSmallStudy();

/** A watch that runs. */
interface Watching {
  readonly url: string;
  readonly port: number;
  events(): Promise<EventReader>;
  /** Presses Ctrl-C; resolves to the exit code. */
  stop(): Promise<number>;
}

async function watch(dir: string, ...flags: string[]): Promise<Watching> {
  const [, ...command] = tasks.tasks.watch.command.split(" ");
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command, "--dir", dir, ...flags],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await lines.read();
    assert.ok(!done, `it ended: ${text}`);
    text += value;
  }
  const [, folder, url, port] = /^Watching study (.*): (http:\/\/127\.0\.0\.1:(\d+)\/) \(Ctrl-C ends it\)\n$/.exec(
    text,
  )!;
  assert.equal(folder, dir);
  return {
    url,
    port: Number(port),
    events: async () => new EventReader((await fetch(`${url}events`)).body!),
    async stop() {
      child.kill("SIGINT");
      const { code } = await child.status;
      await lines.cancel();
      return code;
    },
  };
}

/** Everything that lies in a folder: paths, and what tells whether one was written. */
function everything(dir: string): Map<string, string> {
  const found = new Map<string, string>();
  const walk = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = join(folder, name), { mtime, size, ino } = Deno.statSync(path);
      found.set(relative(dir, path), `${mtime?.getTime()}/${size}/${ino}`);
      if (isDirectory) walk(path);
    }
  };
  walk(dir);
  return found;
}

Deno.test("watch shows what a trainer does, and leaves of it in the study what the trainer alone would", async () => {
  const { dir } = await copy(), alone = `${dir}_alone`, flags = ["--engine", "onnx", "--parallel", "1", "--limit", "2"];
  cpSync(dir, alone, { recursive: true });
  const before = everything(dir), watching = await watch(dir);
  try {
    assert.equal((await fetch(watching.url)).status, 200);
    const page = await watching.events();
    await page.next();
    assert.deepEqual([page.shown?.overview.done, page.shown?.results.length], [TRAINED, TRAINED]);
    assert.deepEqual(everything(dir), before, "nobody trains: no file has changed");

    const training = succeed("train", "--dir", dir, ...flags);
    while (page.shown!.overview.done < TRAINED + 2 || page.shown!.overview.running.length) {
      assert.ok(await page.next(), "the stream has ended");
    }
    await training;
    assert.equal(page.shown!.results.length, TRAINED + 2);
    await succeed("train", "--dir", alone, ...flags);
    assert.deepEqual([...everything(dir).keys()].sort(), [...everything(alone).keys()].sort());
    const after = everything(dir), late = await watching.events();
    await late.next();
    assert.deepEqual([late.shown, everything(dir)], [page.shown, after]);
    await late.cancel();
    await page.cancel();
  } finally {
    assert.equal(await watching.stop(), 130);
  }
});

Deno.test("watch asks a server that has the queue, and goes on where that does not answer", async () => {
  const { dir } = await copy(), watching = await watch(dir, "--queue", "postgres://ann@127.0.0.1:1/sweeps");
  try {
    const page = await watching.events();
    await page.next();
    assert.match(page.shown!.overview.queue_problem!, /127\.0\.0\.1:1\/sweeps/);
    assert.equal(page.shown!.overview.done, TRAINED);
    await page.cancel();
  } finally {
    await watching.stop();
  }
});

Deno.test("watch serves at the port that it is given, and ends with one line where it cannot", async () => {
  const { dir } = await copy(), watching = await watch(dir);
  try {
    const taken = await task("watch", "--dir", dir, "--port", `${watching.port}`);
    assert.deepEqual([taken.code, taken.out], [2, ""]);
    assert.match(taken.err, /^watch: Cannot serve at 127\.0\.0\.1:\d+: another program has this port; [^\n]*$/);
  } finally {
    await watching.stop();
  }
  const again = await watch(dir, "--port", `${watching.port}`);
  assert.equal(again.port, watching.port);
  assert.equal(await again.stop(), 130);
  const none = await task("watch", "--dir", join(dir, "none"));
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.err, /^watch: Cannot open study [^\n]*$/);
});
