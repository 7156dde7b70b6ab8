/** Two signals to a task whose thread hears none. */
import assert from "node:assert/strict";
import { join } from "node:path";

Deno.test("a second signal ends a task at once, with its exit code, wherever its thread is; the first does not", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const script = join(dir, "blocked.ts"), main = join(dir, "main.ts");
    const href = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    await Deno.writeTextFile(
      script,
      `import { stopSignal } from ${href("../../../train/terminal/stop_signal.ts")};
       stopSignal();
       console.log("hears");
       Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
    );
    await Deno.writeTextFile(
      main,
      `import { runConfined } from ${href("../../../task.ts")};
       Deno.exit(await runConfined(new URL("blocked.ts", import.meta.url), "inherit"));`,
    );
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    await using child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--config", config, "--allow-all", main],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await child.stdout.pipeThrough(new TextDecoderStream()).pipeTo(
      new WritableStream({
        async write(text) {
          assert.equal(text.trim(), "hears");
          // Two signals of one key, as a terminal and 'deno task' send them; then another key.
          child.kill("SIGINT");
          child.kill("SIGINT");
          const ended = child.status.then(() => "ended");
          const later = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds, "later"));
          assert.equal(await Promise.race([ended, later(1000)]), "later");
          // The main thread may have begun to listen after the first key: then the next one is its second.
          for (let key = 2; key < 5 && await Promise.race([ended, later(1000)]) === "later"; key++) {
            child.kill("SIGTERM");
          }
        },
      }),
    );
    assert.equal((await child.status).code, 143);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
