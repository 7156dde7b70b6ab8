/** Known corpora through the real command line, with the tasks' own permissions: by name, from the cache, from servers of this machine. */
import { fileURLToPath } from "node:url";
import assert from "node:assert/strict";
import { join } from "node:path";
import { denoDir } from "../../environment.ts";
import config from "../../../deno.json" with { type: "json" };
import { initStudy } from "../../../experiments/study/init_study.ts";
import { KNOWN_CORPORA, type KnownCorpus } from "../../../train/corpus/known.ts";
import { splitEnds, SplitHasher } from "../../../train/corpus/split.ts";
import { type Answer, CorpusServer } from "../../train/corpus/corpus_server.ts";
import { ARCHIVE, corpusAt, TEXT } from "../../train/corpus/known_corpora.ts";
import { tempFolder } from "../folder.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const KNOWN = new URL("../../../train/corpus/known.ts", import.meta.url).href;

/** The project's packages, and what lies in them, as an import map has them. */
const PACKAGES = Object.fromEntries(
  Object.entries(config.imports).flatMap(([name, at]) => [[name, at], [`${name}/`, `${at.replace("npm:", "npm:/")}/`]]),
);

interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A folder with a cache and a study, where other corpora are known than those of the program. */
class Machine {
  readonly study: string;
  readonly cache: string;
  #flags: string[] = [];
  env: Record<string, string>;

  constructor(readonly dir: string) {
    this.study = join(dir, "study");
    this.cache = join(dir, "cache", "cellspace");
    this.env = { NO_COLOR: "1", DENO_DIR: denoDir(), XDG_CACHE_HOME: join(dir, "cache") };
  }

  /** From now on tasks know this corpus and no other, and may reach its host. */
  async know(corpus: KnownCorpus): Promise<void> {
    await Deno.mkdir(this.study, { recursive: true });
    // In the study, where every task may read.
    const table = join(this.study, "known.js"), map = join(this.dir, "imports.json");
    await Deno.writeTextFile(
      table,
      `export const KNOWN_CORPORA = ${JSON.stringify([corpus])};
       export const knownCorpus = (name) => KNOWN_CORPORA.find((corpus) => corpus.name === name);`,
    );
    await Deno.writeTextFile(map, JSON.stringify({ imports: { ...PACKAGES, [KNOWN]: `file://${table}` } }));
    this.#flags = [`--import-map=${map}`, `--allow-net=${corpus.hosts}`];
  }

  start(name: keyof typeof config.tasks, ...args: string[]): Deno.ChildProcess {
    const [, run, ...rest] = config.tasks[name].command.split(" ");
    const own = rest.filter((part) => this.#flags.length === 0 || !part.startsWith("--allow-net"));
    const at = name === "corpora" ? [] : ["--dir", this.study];
    return new Deno.Command(Deno.execPath(), {
      args: [run, ...this.#flags, ...own, ...at, ...args],
      cwd: ROOT,
      env: this.env,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  async run(name: keyof typeof config.tasks, ...args: string[]): Promise<Ended> {
    return await ended(this.start(name, ...args));
  }
}

async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  return { code, out: text(stdout), err: text(stderr) };
}

/** Waits for something that another process does; an error after half a minute. */
async function until(happened: () => boolean): Promise<void> {
  for (let look = 0; look < 600; look++) {
    if (happened()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("it did not happen within half a minute");
}

const SIZES = [
  "--state-size",
  "4",
  "--layers",
  "1",
  "--batch",
  "4",
  "--history",
  "21",
  "--steps",
  "50",
  "--seeds",
  "1",
];

Deno.test("a known corpus is downloaded once, and train and evaluate find it by its name", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await using server = new CorpusServer(() => ({ body: ARCHIVE }));
  const machine = new Machine(dir), corpus = corpusAt(server.host), path = join(machine.cache, corpus.name);
  await machine.know(corpus);
  const first = await machine.run("init", "--corpus", corpus.name, ...SIZES);
  assert.equal(first.code, 0, first.err);
  const lines = first.out.split("\n");
  assert.deepEqual(lines.slice(0, 2), [
    `Downloading corpus smalltext from ${corpus.url}`,
    `Corpus smalltext is in ${path}`,
  ]);
  assert.match(
    lines.find((line) => line.startsWith("Study in "))!,
    /: corpus smalltext, 60000 bytes \(train 90 %, validation 5 %, test 5 %\)$/,
  );
  const { corpus: kept } = JSON.parse(await Deno.readTextFile(join(machine.study, "study.json")));
  assert.deepEqual(kept, { name: "smalltext", source: "smalltext", bytes: TEXT.length, sha1: corpus.sha1 });

  const again = await machine.run("init", "--corpus", corpus.name, "--seeds", "2");
  assert.equal(again.code, 0, again.err);
  assert.ok(!/Downloading|is in \/.*cache/.test(again.out), again.out);
  assert.equal(server.requests.length, 1);

  assert.match((await machine.run("train", "--engine", "onnx", "--limit", "1")).out, /1 run finished, 0 failed/);
  assert.match((await machine.run("evaluate", "--again")).out, /1 run scored/);
  const results = join(machine.study, "results_01_all"), [{ name }] = [...Deno.readDirSync(results)];
  const result = JSON.parse(await Deno.readTextFile(join(results, name)));
  const hasher = new SplitHasher(TEXT.length);
  hasher.update(TEXT);
  const { sha1, train_sha1, test_sha1 } = hasher.digest();
  assert.deepEqual(
    [result.dataset, result.corpus_sha1, result.train_sha1, result.test_sha1, result.test_bytes],
    ["smalltext", sha1, train_sha1, test_sha1, TEXT.length - splitEnds(TEXT.length).validation - 1],
  );

  const advice = `download it with 'deno task init --dir ${machine.study} --corpus smalltext'`;
  for (
    const [spoil, tasks, line] of [
      [() => Deno.remove(path), ["train", "init"], `cannot read ${path}: it does not exist; ${advice}`],
      [
        () => Deno.writeFile(path, TEXT.with(7, 0)),
        ["evaluate"],
        `the SHA-1 of its copy in the cache, ${path}, is [0-9a-f]{40}, must be ${sha1}; remove that file and ${advice}`,
      ],
    ] as const
  ) {
    await spoil();
    for (const task of tasks) {
      const { code, out, err } = await machine.run(task, ...(task === "evaluate" ? ["--again"] : []));
      assert.deepEqual([code, out], [2, ""], err);
      assert.match(err, new RegExp(`^${task}: Cannot use corpus smalltext: ${line}$`));
    }
  }
});

/** Sends the beginning and then nothing more; the whole from the second request on. */
const stallsFirst = (_: unknown, number: number): Answer => ({
  body: ARCHIVE,
  ...(number === 0 ? { cut: 500, stalls: true } : {}),
});

Deno.test(
  "of two processes one downloads and the other says that it waits, and downloads when the first is killed",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await using server = new CorpusServer(stallsFirst);
    const machine = new Machine(dir), corpus = corpusAt(server.host);
    await machine.know(corpus);
    const args = ["--corpus", corpus.name, ...SIZES];
    const killed = machine.start("init", ...args);
    await until(() => server.requests.length === 1);
    const waiting = machine.start("init", ...args);
    let said = "";
    const told = (async () => {
      for await (const part of waiting.stdout.pipeThrough(new TextDecoderStream())) said += part;
    })();
    await until(() => said.includes("\n"));
    assert.equal(said, "Another process is downloading corpus smalltext: waiting for it\n");
    assert.equal(server.requests.length, 1);
    killed.kill("SIGKILL");
    await killed.output();
    const [{ code }, err] = await Promise.all([waiting.status, new Response(waiting.stderr).text(), told]);
    assert.equal(code, 0, err);
    assert.equal(server.requests.length, 2);
    assert.deepEqual(await Deno.readFile(join(machine.cache, corpus.name)), TEXT);
    // Nothing is left of what the killed one had downloaded.
    assert.deepEqual([...Deno.readDirSync(machine.cache)].map(({ name }) => name).sort(), [
      "smalltext",
      "smalltext.lock",
    ]);
  },
);

Deno.test(
  "Ctrl-C stops a download, makes no study and leaves no part of it, and the same command downloads it",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await using server = new CorpusServer(stallsFirst);
    const machine = new Machine(dir), corpus = corpusAt(server.host), part = join(machine.cache, "smalltext.part");
    await machine.know(corpus);
    const stopped = machine.start("init", "--corpus", corpus.name, ...SIZES);
    const size = () => {
      try {
        return Deno.statSync(part).size;
      } catch {
        return 0;
      }
    };
    await until(() => size() === 500);
    stopped.kill("SIGINT");
    const { code, err } = await ended(stopped);
    assert.equal(code, 130, err);
    assert.match(
      err,
      /^Stopping the download; press Ctrl-C again .*\ninit: stopped; run the same command to download the corpus$/,
    );
    assert.deepEqual([...Deno.readDirSync(machine.study)].map(({ name }) => name), ["known.js"]);
    assert.deepEqual([...Deno.readDirSync(machine.cache)].map(({ name }) => name), ["smalltext.lock"]);
    assert.equal((await machine.run("init", "--corpus", corpus.name, ...SIZES)).code, 0);
    assert.equal(server.requests.length, 2);
  },
);

Deno.test("init asks the host of enwik8 for it, and says in one line what it got", async () => {
  await using temp = await tempFolder();
  const answers: Answer[] = [
    { status: "404 Not Found" },
    { body: ARCHIVE },
    { status: "302 Found", headers: { location: "http://elsewhere.example/enwik8.zip" } },
  ];
  await using server = new CorpusServer((_, number) => answers[number]);
  const machine = new Machine(temp.path);
  // As behind a proxy, which is given the whole address.
  Object.assign(machine.env, { HTTP_PROXY: `http://${server.host}`, NO_PROXY: "" });
  const from = "http://mattmahoney.net/dc/enwik8.zip";
  const instead = "use your own file with --corpus FILE; --corpus embedded needs no network";
  const lines = [
    `download corpus enwik8 from ${from}: the server answers 404 Not Found`,
    `use what ${from} sent for corpus enwik8: the archive has no file 'enwik8'; it was deleted`,
    `download corpus enwik8 from ${from}: the server redirects to another host, elsewhere.example:80; ` +
    "must be mattmahoney.net:80 or mattmahoney.net:443",
  ];
  for (const line of lines) {
    const { code, err } = await machine.run("init", "--corpus", "enwik8");
    assert.deepEqual([code, err], [2, `init: Cannot ${line}; ${instead}`]);
  }
  assert.deepEqual(server.requests.map(({ path }) => path), [from, from, from]);
  await assert.rejects(Deno.stat(machine.study), Deno.errors.NotFound);
});

Deno.test(
  "initStudy() fetches a corpus that was asked for by name, and none for a study that has another",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    const options = { dir: join(dir, "s"), experiment: "01", levels: { n_layers: [1], state_size: [4] } } as const;
    const asked: string[] = [];
    // It stops where a download would begin.
    const fetch = ({ name }: KnownCorpus) => Promise.reject(new Error(`asked for ${asked[asked.push(name) - 1]}`));
    await assert.rejects(initStudy({ ...options, corpus: "enwik8", fetch }), /asked for enwik8/);
    await assert.rejects(Deno.stat(options.dir), Deno.errors.NotFound);
    await initStudy({ ...options, corpus: "embedded", fetch });
    await initStudy({ ...options, fetch });
    await assert.rejects(
      initStudy({ ...options, corpus: "text8", fetch }),
      /^UserError: Cannot extend study \S+ with corpus text8: it was made with embedded; start another with --dir$/,
    );
    assert.deepEqual(asked, ["enwik8"]);
  },
);

Deno.test("corpora lists names, sizes, licences and what is cached, as a table and as JSON", async () => {
  await using temp = await tempFolder();
  const machine = new Machine(temp.path), [enwik8, text8, tinyshakespeare] = KNOWN_CORPORA;
  const empty = await machine.run("corpora");
  assert.equal(empty.code, 0, empty.err);
  await Deno.mkdir(machine.cache, { recursive: true });
  const path = join(machine.cache, enwik8.name);
  // It takes no room on the disk.
  using whole = await Deno.open(path, { write: true, create: true });
  await whole.truncate(enwik8.bytes);
  // Of a process that was killed.
  await Deno.writeFile(join(machine.cache, "text8.part"), new Uint8Array(1234));
  const { out } = await machine.run("corpora"), lines = out.split("\n");
  assert.match(lines[0], /^name +bytes +to download +licence +cached +content$/);
  assert.match(lines[1], /^embedded +1000000 +this project's +built in +/);
  assert.match(lines[2], new RegExp(`^enwik8 +100000000 +36445475 +Wikipedia's text: CC BY-SA and GFDL +${path} +`));
  assert.match(lines[3], /^text8 +100000000 +31344016 +Wikipedia's .* +no +/);
  assert.match(lines[4], /^tinyshakespeare +1115394 +1115394 +public domain +no +/);
  const json = JSON.parse((await machine.run("corpora", "--json")).out);
  assert.deepEqual(json.map(({ name, cached }: { name: string; cached: string }) => [name, cached]), [
    ["embedded", "built in"],
    [enwik8.name, "yes"],
    [text8.name, "no"],
    [tinyshakespeare.name, "no"],
  ]);
  assert.deepEqual([json[1].sha1, json[1].path], [enwik8.sha1, path]);
});
