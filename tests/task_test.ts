/** The permissions of tasks: what Deno refuses to the code of each. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { permissionsOf, TASKS } from "../task.ts";
import { KNOWN_CORPORA } from "../train/corpus/known.ts";
import { initStudy } from "../experiments/study/init_study.ts";
import { denoDir } from "./environment.ts";
import tasks from "../deno.json" with { type: "json" };

/** What a probe tried, and what came of it. */
type Attempts = Readonly<Record<string, string>>;

/** Runs a probe in a worker of its own process, confined as a task is, with the task's own flags on the process. */
async function probe(
  task: keyof typeof TASKS,
  args: string[],
  attempts: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Attempts> {
  const dir = await Deno.makeTempDir();
  try {
    const script = join(dir, "probe.ts");
    const tries = Object.entries(attempts).map(([name, code]) =>
      `await attempt(${JSON.stringify(name)}, () => ${code});`
    );
    await Deno.writeTextFile(
      script,
      `const found: Record<string, string> = {};
       async function attempt(name: string, action: () => unknown) {
         try { await action(); found[name] = "done"; } catch (error) { found[name] = (error as Error).name; }
       }
       ${tries.join("\n")}
       console.log(JSON.stringify(found));
       (self as unknown as { postMessage(message: unknown): void }).postMessage({ exit_code: 0 });`,
    );
    const main = join(dir, "main.ts");
    const launcher = new URL("../task.ts", import.meta.url).href;
    await Deno.writeTextFile(
      main,
      `import { permissionsOf, runConfined, TASKS } from ${JSON.stringify(launcher)};
       const permissions = await permissionsOf(TASKS[${JSON.stringify(task)}], ${JSON.stringify(args)});
       // The worker's module lies beside this file, and not in the project.
       permissions.read = [...permissions.read as string[], ${JSON.stringify(script)}];
       Deno.exit(await runConfined(new URL(${JSON.stringify(`file://${script}`)}), permissions));`,
    );
    const [, run, ...rest] = tasks.tasks[task as keyof typeof tasks.tasks].command.split(" ");
    const flags = rest.filter((part) => part.startsWith("--"));
    const config = new URL("../deno.json", import.meta.url).pathname;
    const child = new Deno.Command(Deno.execPath(), { args: [run, "--config", config, ...flags, main], env });
    const { stdout, stderr } = await child.output();
    const text = new TextDecoder().decode(stdout);
    assert.ok(text, new TextDecoder().decode(stderr));
    return JSON.parse(text);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const write = (path: string) => `Deno.writeTextFile(${JSON.stringify(path)}, "x")`;
const read = (path: string) => `Deno.readTextFile(${JSON.stringify(path)})`;

Deno.test("train cannot write outside its study, reads it and its corpus alone, and has no network", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const study = join(dir, "study"), corpus = join(dir, "text.txt"), other = join(dir, "other.txt");
    for (const path of [corpus, other]) await Deno.writeFile(path, new Uint8Array(5000).fill(97));
    await initStudy({ dir: study, experiment: "01", corpus, levels: { n_layers: [1], state_size: [8] } });
    const found = await probe("train", ["--limit", "1", "--dir", study], {
      "write in the study": write(join(study, "a.tmp")),
      "write beside the study": write(join(dir, "a.tmp")),
      "write under a longer name": write(`${study}2`),
      "write by a way out of the study": write(join(study, "..", "a.tmp")),
      "write the corpus": write(corpus),
      "write the project": write(new URL("../a.tmp", import.meta.url).pathname),
      "make a folder elsewhere": `Deno.mkdir(${JSON.stringify(join(dir, "b"))})`,
      "rename out of the study": `Deno.rename(${JSON.stringify(join(study, "a.tmp"))}, ${
        JSON.stringify(join(dir, "c"))
      })`,
      "read the study": read(join(study, "study.json")),
      "read the corpus": read(corpus),
      "read beside the corpus": read(other),
      "read the machine": read("/etc/hostname"),
      "read the project": read(new URL("../deno.json", import.meta.url).pathname),
      "reach the network": `Deno.connect({ hostname: "127.0.0.1", port: 80 })`,
      "listen": `Deno.listen({ port: 0, hostname: "127.0.0.1" })`,
      "run a program": `new Deno.Command("ls").output()`,
      "read a variable": `Deno.env.get("HOME")`,
      "ask for the memory": `Deno.systemMemoryInfo()`,
      "ask for the host's name": `Deno.hostname()`,
      "ask for the load": `Deno.loadavg()`,
      "widen by asking": `Deno.permissions.request({ name: "write" }).then(() => ${write(join(dir, "a.tmp"))})`,
      "widen by a worker":
        `(() => { new Worker("data:text/javascript,", { type: "module", deno: { permissions: { net: true } } } as WorkerOptions); })()`,
    });
    assert.deepEqual(found, {
      "write in the study": "done",
      "write beside the study": "NotCapable",
      "write under a longer name": "NotCapable",
      "write by a way out of the study": "NotCapable",
      "write the corpus": "NotCapable",
      "write the project": "NotCapable",
      "make a folder elsewhere": "NotCapable",
      "rename out of the study": "NotCapable",
      "read the study": "done",
      "read the corpus": "done",
      "read beside the corpus": "NotCapable",
      "read the machine": "NotCapable",
      "read the project": "done",
      "reach the network": "NotCapable",
      "listen": "NotCapable",
      "run a program": "NotCapable",
      "read a variable": "NotCapable",
      "ask for the memory": "done",
      "ask for the host's name": "done",
      "ask for the load": "NotCapable",
      "widen by asking": "NotCapable",
      "widen by a worker": "NotCapable",
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("status and sample write nothing, and init reads the corpus that it is given", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const corpus = join(dir, "text.txt");
    await Deno.writeTextFile(corpus, "text");
    for (const task of ["status", "sample"]) {
      const { inside } = await probe(task, [`--dir=${dir}`], { inside: write(join(dir, "a")) });
      assert.equal(inside, "NotCapable", task);
    }
    const found = await probe("init", ["--dir", join(dir, "s"), "--corpus", corpus], {
      corpus: read(corpus),
      make: `Deno.mkdir(${JSON.stringify(join(dir, "s"))})`,
      beside: read(join(dir, "none")),
    });
    assert.deepEqual(found, { corpus: "done", make: "done", beside: "NotCapable" });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("export writes in its study alone, and loads no native library", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const study = join(dir, "study");
    await Deno.mkdir(study);
    const found = await probe("export", ["--dir", study, "--out", join(dir, "out")], {
      inside: `Deno.mkdir(${JSON.stringify(join(study, "export_01_all"))})`,
      out: `Deno.mkdir(${JSON.stringify(join(dir, "out"))})`,
      "a native library": `Deno.dlopen("libm.so.6", {})`,
      "the network": `Deno.connect({ hostname: "127.0.0.1", port: 80 })`,
    });
    assert.deepEqual(found, {
      inside: "done",
      out: "NotCapable",
      "a native library": "NotCapable",
      "the network": "NotCapable",
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("report and merge read the studies that they are given, write in their own alone, and read nothing beside them", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const [study, one, two, beside] = ["study", "one", "two", "beside"].map((name) => join(dir, name));
    for (const folder of [study, one, two, beside]) {
      await Deno.mkdir(folder);
      await Deno.writeTextFile(join(folder, "study.json"), "{}");
    }
    const attempts = {
      "read its study": read(join(study, "study.json")),
      "read the first": read(join(one, "study.json")),
      "read the second": read(join(two, "study.json")),
      "read beside them": read(join(beside, "study.json")),
      "write in its study": write(join(study, "a")),
      "write in another": write(join(one, "a")),
    };
    const refused = Object.fromEntries(Object.keys(attempts).map((name) => [name, "NotCapable"]));
    const own = { "read its study": "done", "write in its study": "done" };
    assert.deepEqual(await probe("report", ["--dir", study, "--with", `${one}, ${two}`], attempts), {
      ...refused,
      ...own,
      "read the first": "done",
      "read the second": "done",
    });
    // A trailing comma does not mean the folder that the task runs in.
    assert.deepEqual((await permissionsOf(TASKS.report, ["--with", "a,"])).read, [
      ...(await permissionsOf(TASKS.report, ["--with", "a"])).read as string[],
    ]);
    assert.deepEqual(await probe("export", ["--dir", study, "--with", one], attempts), { ...refused, ...own });
    // As a shell writes a pattern of folders, and with commas.
    for (const from of [[`${one},${two}`], [one, two, "--dry-run"], [`${one},`, two]]) {
      assert.deepEqual(await probe("merge", ["--dir", study, "--from", ...from], attempts), {
        ...refused,
        ...own,
        "read the first": "done",
        "read the second": "done",
      });
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** A cache that is not this user's, and the environment that says so; Deno's own cache stays where it is. */
async function inCache(run: (dir: string, folder: string, env: Record<string, string>) => Promise<void>) {
  const dir = await Deno.makeTempDir(), cache = join(dir, "cache");
  try {
    await run(dir, join(cache, "cellspace"), { XDG_CACHE_HOME: cache, DENO_DIR: denoDir() });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const [enwik8] = KNOWN_CORPORA;

Deno.test("init may reach the hosts of a corpus that it is to download, and write in the cache, and no more", () =>
  inCache(async (dir, folder, env) => {
    const granted = (name: string, what: string) =>
      `Deno.permissions.query(${JSON.stringify({ name: "net", host: name })}).then(({ state }) => {
         if (state !== "granted") throw new Deno.errors.NotCapable(${JSON.stringify(what)});
       })`;
    const found = await probe("init", ["--dir", join(dir, "s"), "--corpus", "enwik8"], {
      "make the cache": `Deno.mkdir(${JSON.stringify(folder)}, { recursive: true })`,
      "write in the cache": write(join(folder, "enwik8.part")),
      "write beside it": write(`${folder}.txt`),
      "the host": granted("mattmahoney.net:80", "host"),
      "the host, safely": granted("mattmahoney.net:443", "host"),
      "another port": granted("mattmahoney.net:8080", "port"),
      "the host of another corpus": granted("raw.githubusercontent.com:443", "host"),
      "this machine": `Deno.connect({ hostname: "127.0.0.1", port: 80 })`,
      "listen": `Deno.listen({ port: 0, hostname: "127.0.0.1" })`,
    }, env);
    assert.deepEqual(found, {
      "make the cache": "done",
      "write in the cache": "done",
      "write beside it": "NotCapable",
      "the host": "done",
      "the host, safely": "done",
      "another port": "NotCapable",
      "the host of another corpus": "NotCapable",
      "this machine": "NotCapable",
      "listen": "NotCapable",
    });
  }));

Deno.test("a corpus that is cached is read, and nothing beside it; only init, and only where it is not, has the network", () =>
  inCache(async (dir, folder, environment) => {
    const study = join(dir, "study"), path = join(folder, "enwik8"), given = ["--dir", study, "--corpus", "enwik8"];
    const { settings } =
      (await initStudy({ dir: study, experiment: "01", levels: { n_layers: [1], state_size: [8] } })).study;
    const corpus = { ...settings.corpus, name: "enwik8", source: "enwik8" };
    await Deno.writeTextFile(join(study, "study.json"), JSON.stringify({ ...settings, corpus }));
    const of = async (name: string, args: readonly string[]) => {
      const { read, write, net, env } = await permissionsOf(TASKS[name], args, (variable) => environment[variable]);
      const inCache = (paths: unknown) => [
        ...new Set(Array.isArray(paths) ? paths.filter((path) => path.startsWith(folder)) : []),
      ];
      return [inCache(read), inCache(write), net, (env as string[]).includes("XDG_CACHE_HOME")];
    };
    assert.deepEqual(await of("init", given), [[folder], [folder], enwik8.hosts, true]);
    // What the study has does not count as asked for.
    assert.deepEqual(await of("init", ["--dir", study]), [[path], [], false, true]);
    for (const name of ["train", "evaluate", "dynamics"]) {
      assert.deepEqual(await of(name, given), [[path], [], false, true], name);
    }
    for (const name of ["merge", "status", "sample", "report", "export", "demo"]) {
      assert.deepEqual(await of(name, given), [[], [], false, false], name);
    }
    // The test split is part of a data set where it is asked for.
    for (const include of ["test", "models,test"]) {
      assert.deepEqual(await of("export", [...given, "--include", include]), [[path], [], false, true], include);
    }
    assert.deepEqual(await of("export", [...given, "--include", "models"]), [[], [], false, false]);
    assert.deepEqual(await of("corpora", given), [[folder], [], false, true]);

    await Deno.mkdir(folder, { recursive: true });
    using file = await Deno.open(path, { write: true, create: true });
    await file.truncate(enwik8.bytes);
    assert.deepEqual(await of("init", given), [[path], [], false, true]);
  }));

Deno.test("the command of init names every host of a known corpus, and no other", () => {
  const [, hosts] = /--allow-net=(\S+)/.exec(tasks.tasks.init.command)!;
  assert.deepEqual(new Set(hosts.split(",")), new Set(KNOWN_CORPORA.flatMap(({ hosts }) => hosts)));
});

Deno.test("what the command of a task lets it ask of the system is what the task itself may ask", async () => {
  for (const [name, task] of Object.entries(TASKS)) {
    const { command } = tasks.tasks[name as keyof typeof tasks.tasks];
    const [, kinds] = /--allow-sys=(\S+)/.exec(command) ?? [], { sys } = await permissionsOf(task, []);
    assert.deepEqual(new Set(sys as string[] || []), new Set(kinds?.split(",") ?? []), name);
  }
});

Deno.test("permissionsOf() gives no task the network, or code from elsewhere, and other programs to slurm alone", async () => {
  for (const [name, task] of Object.entries(TASKS)) {
    const { net, run, import: imports } = await permissionsOf(task, []);
    // It listens at a port of this machine that is free, which reaches nobody.
    const allowed = name === "watch" ? ["127.0.0.1:0"] : false;
    assert.deepEqual([net, run, imports], [allowed, name === "slurm" ? SLURM_PROGRAMS : false, false], name);
  }
});

Deno.test("watch listens on loopback alone, at its own port, reaches nobody, and writes nothing", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const attempts = {
      "listen at a free port": `Deno.listen({ hostname: "127.0.0.1", port: 0 }).close()`,
      "listen at its port": `Deno.listen({ hostname: "127.0.0.1", port: ${PORT} }).close()`,
      "listen at another": `Deno.listen({ hostname: "127.0.0.1", port: ${PORT + 1} }).close()`,
      "listen to all": `Deno.listen({ hostname: "0.0.0.0", port: 0 }).close()`,
      "listen to all at its port": `Deno.listen({ hostname: "0.0.0.0", port: ${PORT} }).close()`,
      "reach this machine": `Deno.connect({ hostname: "127.0.0.1", port: 22 })`,
      "write in the study": write(join(dir, "a")),
      "start a program": `new Deno.Command("squeue").output()`,
      "load a library": `Deno.dlopen("libm.so.6", {})`,
      "ask for the host's name": `Deno.hostname()`,
    };
    const refused = Object.fromEntries(Object.keys(attempts).map((name) => [name, "NotCapable"]));
    assert.deepEqual(await probe("watch", ["--dir", dir], attempts), { ...refused, "listen at a free port": "done" });
    assert.deepEqual(await probe("watch", ["--dir", dir, "--port", `${PORT}`], attempts), {
      ...refused,
      "listen at its port": "done",
    });
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

/** Nobody else's, as a rule. */
const PORT = 48_317;

const SLURM_PROGRAMS = ["sbatch", "squeue", "scontrol"];

Deno.test("status starts squeue, and nothing else, where the study has been submitted, and no program where it has not", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const args = ["--dir", dir];
    const start = (program: string) => `new Deno.Command(${JSON.stringify(program)}, { args: ["--version"] }).output()`;
    const attempts = Object.fromEntries(["squeue", "sbatch", "ls"].map((program) => [program, start(program)]));
    const refused = { squeue: "NotCapable", sbatch: "NotCapable", ls: "NotCapable" };
    assert.deepEqual((await permissionsOf(TASKS.status, args)).run, false);
    assert.deepEqual(await probe("status", args, attempts), refused);
    await Deno.writeTextFile(join(dir, "slurm_jobs.json"), "{}");
    assert.deepEqual((await permissionsOf(TASKS.status, args)).run, ["squeue"]);
    const found = await probe("status", args, attempts);
    // Where Slurm is not installed, it is let do so and finds none.
    assert.ok(["done", "NotFound"].includes(found.squeue), found.squeue);
    assert.deepEqual({ ...found, squeue: "NotCapable" }, refused);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("the programs that the command of a task lets it start are those that the task may start", () => {
  for (const name of ["slurm", "status"] as const) {
    const [, programs] = /--allow-run=(\S+)/.exec(tasks.tasks[name].command) ?? [];
    assert.deepEqual(TASKS[name].starts, programs.split(","), name);
  }
});

Deno.test("what asks a queue reaches its server alone, and reads the client's variables; nothing else has the network", async () => {
  const queue = "postgres://ann@127.0.0.1:1/sweeps";
  const attempts = {
    // It is let through to where nothing listens.
    "the server": `Deno.connect({ hostname: "127.0.0.1", port: 1 }).catch((error) => {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    })`,
    "another port": `Deno.connect({ hostname: "127.0.0.1", port: 2 })`,
    "another host": `Deno.connect({ hostname: "127.0.0.2", port: 1 })`,
    "listen": `Deno.listen({ hostname: "127.0.0.1", port: 0 })`,
    "the password": `Deno.env.get("PGPASSWORD")`,
    "the queue": `Deno.env.get("CELLSPACE_QUEUE")`,
    "another variable": `Deno.env.get("PGHOST")`,
  };
  const refused = Object.fromEntries(Object.keys(attempts).map((name) => [name, "NotCapable"]));
  for (const name of ["train", "evaluate", "dynamics", "merge", "status"]) {
    const dir = ["--dir", await Deno.makeTempDir()];
    const own = { "the server": "done", "the password": "done", "the queue": "done" };
    assert.deepEqual(await probe(name, [...dir, "--queue", queue], attempts), { ...refused, ...own }, name);
    assert.deepEqual(await probe(name, dir, attempts, { CELLSPACE_QUEUE: queue }), { ...refused, ...own }, name);
    assert.deepEqual(await probe(name, dir, attempts), { ...refused, "the queue": "done" }, name);
    await Deno.remove(dir[1]);
  }
  const others = Object.entries(TASKS).filter(([, { asksQueue }]) => !asksQueue);
  for (const [name, task] of others) {
    const { net, env } = await permissionsOf(task, ["--queue", queue], undefined, () => queue);
    assert.deepEqual([net, (env as string[]).includes("PGPASSWORD")], [false, false], name);
  }
});
