/** Who is answered what: the browsers of this machine, by the names that it has, and nobody else. */
import assert from "node:assert/strict";
import { Follower } from "../../../report/watch/follow.ts";
import { serveWatch, type WatchOptions, type WatchServer } from "../../../report/watch/server.ts";
import { servedAt } from "../../../report/watch/port.ts";
import { tempFolder } from "../../experiments/folder.ts";
import { makeFollowedStudy } from "./followed_study.ts";
import { EventReader } from "./sent_events.ts";

/** What came back. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** Sends a request as it stands, which no browser would, and reads the answer to its end. */
async function ask(port: number, line: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const fields = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}\r\n`);
  await connection.write(new TextEncoder().encode(`${line} HTTP/1.1\r\n${fields.join("")}\r\n`));
  let text = "";
  const decoder = new TextDecoder(), isStream = () => /^content-type: text\/event-stream/im.test(text);
  for await (const bytes of connection.readable) {
    text += decoder.decode(bytes, { stream: true });
    // A stream of events has no end.
    if (isStream() && text.includes("\r\n\r\n")) break;
  }
  const [head, ...body] = text.split("\r\n\r\n"), [status, ...rest] = head.split("\r\n");
  return {
    status: Number(status.split(" ")[1]),
    headers: new Headers(rest.map((field) => field.split(/: (.*)/s).slice(0, 2) as [string, string])),
    body: body.join("\r\n\r\n"),
  };
}

/** Runs a test with a server on a study of 48 runs. */
function served(
  name: string,
  test: (server: WatchServer, dir: string, problems: readonly string[]) => Promise<void>,
  options: Partial<WatchOptions> = {},
): void {
  Deno.test(name, async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await makeFollowedStudy(dir);
    const problems: string[] = [], source = await Follower.open({ dir, experiment: "01" });
    const server = serveWatch({
      port: 0,
      source,
      every: 20,
      page: () => "<p>page</p>",
      onProblem: (line) => problems.push(line),
      ...options,
    });
    try {
      await test(server, dir, problems);
    } finally {
      await server.close();
    }
  });
}

served("the page, its events and nothing else are served, on loopback alone", async ({ port, url }) => {
  assert.equal(url, `http://127.0.0.1:${port}/`);
  const host = `127.0.0.1:${port}`, get = (path: string) => ask(port, `GET ${path}`, { host });
  const page = await get("/");
  assert.deepEqual([page.status, page.body], [200, "<p>page</p>"]);
  assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
  assert.equal((await get("/events")).headers.get("content-type"), "text/event-stream");
  const none = [
    "/cells",
    "/index.html",
    "/study.json",
    "/events/",
    "//",
    "/%2e%2e/study.json",
    "/__proto__",
    "/toString",
  ];
  for (const path of none) assert.equal((await get(path)).status, 404, path);
  for (const method of ["POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]) {
    const { status, headers } = await ask(port, `${method} /`, { host });
    assert.deepEqual([status, headers.get("allow")], [405, "GET"], method);
  }
});

served("every answer has the headers that keep others out", async ({ port }) => {
  const host = `localhost:${port}`;
  const answers = [
    await ask(port, "GET /", { host }),
    await ask(port, "GET /events", { host }),
    await ask(port, "GET /none", { host }),
    await ask(port, "POST /", { host }),
    await ask(port, "GET /", { host: "evil.example" }),
  ];
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 404, 405, 403]);
  for (const { headers } of answers) {
    assert.equal(
      headers.get("content-security-policy"),
      "default-src 'none'; script-src 'unsafe-inline'; worker-src blob:; style-src 'unsafe-inline'; img-src data:; " +
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    );
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cross-origin-opener-policy"), "same-origin");
    assert.equal(headers.get("cross-origin-resource-policy"), "same-origin");
    assert.equal(headers.get("cache-control"), "no-store");
    assert.equal(headers.get("access-control-allow-origin"), null);
  }
});

served("a foreign Host is refused, whatever address it has been given", async ({ port }) => {
  const status = async (host: string) => (await ask(port, "GET /events", { host })).status;
  for (const host of ["127.0.0.1", "localhost", "[::1]", "LocalHost"]) {
    assert.equal(await status(`${host}:${port}`), 200, host);
  }
  const foreign = [
    "evil.example",
    `evil.example:${port}`,
    `127.0.0.1.evil.example:${port}`,
    `localhost.evil.example:${port}`,
    `localhost:${port + 1}`,
    "localhost",
    `0.0.0.0:${port}`,
    `127.0.0.2:${port}`,
    `localhost:${port}@evil.example`,
  ];
  for (const host of foreign) assert.notEqual(await status(host), 200, host);
  assert.deepEqual(await Promise.all(foreign.slice(0, 6).map(status)), Array(6).fill(403));
  // The address of the request says nothing, either.
  const { status: absolute } = await ask(port, `GET http://127.0.0.1:${port}/events`, { host: "evil.example" });
  assert.equal(absolute, 403);
  assert.notEqual((await ask(port, "GET /events")).status, 200, "no Host at all");
});

served("a page of another site gets no events and no cells", async ({ port }) => {
  const host = `127.0.0.1:${port}`;
  for (const path of ["/events", "/cells"]) {
    const status = async (headers: Record<string, string>) =>
      (await ask(port, `GET ${path}`, { host, ...headers })).status;
    assert.equal(await status({ origin: `http://${host}` }), 200);
    assert.equal(await status({ "sec-fetch-site": "same-origin" }), 200);
    for (const origin of ["http://evil.example", `https://${host}`, "null", `http://localhost:${port + 1}`]) {
      assert.equal(await status({ origin }), 403, origin);
    }
    for (const site of ["cross-site", "same-site"]) assert.equal(await status({ "sec-fetch-site": site }), 403, site);
  }
}, { cells: () => "<p>cells</p>" });

let made = 0;
served(
  "what the cells look like is made once, at the first request, and again where that failed",
  async (server, _, problems) => {
    assert.equal(made, 0);
    const get = () => ask(server.port, "GET /cells", { host: `localhost:${server.port}` });
    const failed = await get();
    assert.deepEqual([failed.status, failed.body], [500, "Cannot make this: no luck\n"]);
    assert.deepEqual(problems, ["Cannot make /cells: no luck"]);
    for (let i = 0; i < 2; i++) assert.equal((await get()).body, "<p>cells 2</p>");
  },
  {
    cells: () => {
      if (++made === 1) throw new Error("no luck");
      return `<p>cells ${made}</p>`;
    },
  },
);

Deno.test("pages see what changes in the study, through the network, and go on after a break", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  const study = await makeFollowedStudy(dir), [run] = study.runs, { loss } = study.resultOf(run);
  const source = await Follower.open({ dir, experiment: "01" });
  const server = serveWatch({ port: 0, source, every: 20, page: () => "", onProblem: assert.fail });
  const connect = async (headers: Record<string, string> = {}) =>
    new EventReader((await fetch(`${server.url}events`, { headers })).body!);
  try {
    const page = await connect(), first = await page.next();
    assert.deepEqual([first?.event, page.shown?.list.length], ["snapshot", study.runs.length]);
    await study.begin(run, 2);
    while (!page.shown?.curves.length) await page.next();
    assert.deepEqual(page.shown.curves[0].values, loss!.slice(0, 2));
    await study.save(study.resultOf(run), loss!.slice(0, 4));
    const grown = await page.next();
    assert.deepEqual([grown?.event, grown?.data.curves], [
      "changes",
      [{ key: run.key, log_every: 50, from: 2, values: loss!.slice(2, 4) }],
    ]);
    await page.cancel();
    const again = await connect({ "last-event-id": grown!.id });
    again.shown = page.shown;
    await study.write(study.resultOf(run));
    assert.equal((await again.next())?.event, "changes");
    const late = await connect({ "last-event-id": first!.id });
    assert.equal((await late.next())?.event, "snapshot");
    assert.deepEqual(late.shown, again.shown);
    assert.equal(server.clients, 2);
    await again.cancel();
    await late.cancel();
    // The server hears of it through the network: nothing comes to wait for.
    while (server.clients) await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    await server.close();
  }
});

Deno.test(
  "a page that reads nothing from its connection holds no more than a bounded part of what is sent",
  async () => {
    await using temp = await tempFolder();
    const dir = temp.path;
    await makeFollowedStudy(dir);
    const follower = await Follower.open({ dir, experiment: "01" });
    // Each look finds another megabyte: far more than a socket takes.
    let looks = 0;
    const looked = Promise.withResolvers<void>();
    const source = {
      get snapshot() {
        return { ...follower.snapshot, problems: [`${looks} ${"x".repeat(2 ** 20)}`] };
      },
      async poll() {
        if (++looks === 60) looked.resolve();
        return { ...await follower.poll(), problems: this.snapshot.problems };
      },
    };
    const server = serveWatch({ port: 0, source, every: 1, page: () => "", onProblem: assert.fail });
    try {
      const { body } = await fetch(`${server.url}events`);
      await looked.promise;
      const page = new EventReader(body!), events: string[] = [];
      const lastSeen = () => Number(page.shown?.problems[0].split(" ")[0] ?? 0);
      // What was kept for it comes first; the rest it has missed, but for what stands in a snapshot.
      while (lastSeen() < 60) events.push((await page.next())!.event);
      assert.ok(events.length < 30, `${events.length} MB waited for it`);
      await page.cancel();
    } finally {
      await server.close();
    }
  },
);

Deno.test("serveWatch() says in one line that a port is another program's", async () => {
  await using temp = await tempFolder();
  const dir = temp.path;
  await makeFollowedStudy(dir);
  const source = await Follower.open({ dir, experiment: "01" });
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assert.throws(() => serveWatch({ port, source, page: () => "", onProblem: assert.fail }), {
    name: "UserError",
    message:
      `Cannot serve at 127.0.0.1:${port}: another program has this port; choose another --port, or 0 for a free one`,
  });
});

Deno.test("servedAt() is what the command line has served, or a free port where it says no port", () => {
  assert.equal(servedAt([]), "127.0.0.1:0");
  assert.equal(servedAt(["--dir", "a", "--port", "8123"]), "127.0.0.1:8123");
  assert.equal(servedAt(["--port=8123"]), "127.0.0.1:8123");
  for (const port of ["x", "-1", "70000", "80,evil.example", ""]) {
    assert.equal(servedAt(["--port", port]), "127.0.0.1:0");
  }
});
