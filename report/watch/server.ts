/**
 * The server of a page that shows an experiment as it trains. It is there for the browsers of this machine alone: it listens on loopback, has no
 * route that writes, and answers no page of another site, whatever name that gives this address (DNS rebinding).
 */
import { messageOf, UserError } from "../../cells/errors.ts";
import { Broadcast, type BroadcastOptions, type Source } from "./broadcast.ts";
import { LOOPBACK } from "./port.ts";

/** What is served, and where. */
export interface WatchOptions extends Omit<BroadcastOptions, "onError"> {
  /** Zero: one that is free. */
  readonly port: number;
  readonly source: Source;
  /** Makes the page, at each request: HTML. */
  readonly page: () => string | Promise<string>;
  /** Makes what the page shows of each listed cell, at the first request: HTML. */
  readonly cells?: () => string | Promise<string>;
  /** Called with a line on what could not be made. */
  readonly onProblem: (line: string) => void;
}

/** A server that runs. */
export interface WatchServer {
  readonly port: number;
  /** Where the page is. */
  readonly url: string;
  /** Pages that are connected. */
  readonly clients: number;
  /** Ends all connections. */
  close(): Promise<void>;
  /** Rejects where looking at the study fails for good. */
  readonly failed: Promise<never>;
}

/** Connections of pages at a time: more are a mistake, and each may hold a snapshot in memory. */
const MOST_CLIENTS = 64;

/** Of all answers. Scripts and styles stand in the page itself; `blob:` is the worker that it makes of a part of its own. */
const HEADERS = {
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'unsafe-inline'",
    "worker-src blob:",
    "style-src 'unsafe-inline'",
    "img-src data:",
    "connect-src 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; "),
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
} as const;

/**
 * Serves until it is closed.
 *
 * @throws {UserError} if it cannot listen on the port
 */
export function serveWatch(options: WatchOptions): WatchServer {
  const { port: wanted, source } = options, failed = Promise.withResolvers<never>();
  // Whoever does not ask for it is not to be ended by it.
  failed.promise.catch(() => {});
  const broadcast = new Broadcast(source, { ...options, onError: failed.reject });
  const handle = handlerOf(options, broadcast);
  // Not by shutdown(), which would wait for pages that do not read what is sent.
  const ending = new AbortController();
  const server = listening(wanted, ending.signal, (request) => handle(request, server.addr.port));
  const { port } = server.addr;
  return {
    port,
    url: `http://${LOOPBACK}:${port}/`,
    failed: failed.promise,
    get clients() {
      return broadcast.clients;
    },
    async close() {
      broadcast.close();
      ending.abort();
      await server.finished;
    },
  };
}

function listening(
  port: number,
  signal: AbortSignal,
  handle: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({ hostname: LOOPBACK, port, signal, onListen: () => {} }, handle);
  } catch (error) {
    throw new UserError(
      `Cannot serve at ${LOOPBACK}:${port}: ${whyNot(error)}; choose another --port, or 0 for a free one`,
    );
  }
}

function whyNot(error: unknown): string {
  if (error instanceof Deno.errors.AddrInUse) return "another program has this port";
  if (error instanceof Deno.errors.PermissionDenied) return "the system does not let this user have this port";
  return messageOf(error);
}

/** Answers requests, of which it believes nothing. */
function handlerOf(
  { source, page, cells, onProblem }: WatchOptions,
  broadcast: Broadcast,
): (request: Request, port: number) => Promise<Response> {
  let madeCells: { readonly list: unknown; readonly html: Promise<string> } | undefined;
  // One that is being made serves all that ask meanwhile: it reads the whole study.
  let making: Promise<string> | undefined;
  const pageNow = () => making ??= Promise.try(page).finally(() => making = undefined);
  const routes: Readonly<Record<string, (request: Request, port: number) => Response | Promise<Response>>> = {
    "/": async (request) => {
      const { headers } = request, isVisit = headers.get("sec-fetch-mode") === "navigate";
      if (headers.get("sec-fetch-site") === "cross-site" && !isVisit) {
        return refusal(403, "This page cannot be embedded in another site.");
      }
      return html(await pageNow());
    },
    "/events": (request, port) => {
      if (!isOfOwnPage(request, port)) return refusal(403, "Only the page that this server sends may request this.");
      if (broadcast.clients >= MOST_CLIENTS) {
        return refusal(503, `${MOST_CLIENTS} pages are connected, the maximum.`);
      }
      const events = broadcast.connect(request.headers.get("last-event-id") ?? undefined);
      return answer(events, "text/event-stream");
    },
    "/cells": async (request, port) => {
      if (!cells) return nothingHere();
      if (!isOfOwnPage(request, port)) return refusal(403, "Only the page that this server sends may request this.");
      const { list } = source.snapshot;
      if (madeCells?.list !== list) madeCells = { list, html: Promise.try(cells) };
      try {
        return html(await madeCells.html);
      } catch (error) {
        madeCells = undefined;
        throw error;
      }
    },
  };
  return async (request, port) => {
    if (!hostsOf(port).includes(request.headers.get("host")?.toLowerCase() ?? "")) {
      return refusal(403, `This server answers only at ${hostsOf(port).join(", ")}.`);
    }
    const { pathname } = new URL(request.url);
    if (!Object.hasOwn(routes, pathname)) return nothingHere();
    if (request.method !== "GET") return refusal(405, "This server accepts only GET.", { allow: "GET" });
    try {
      return await routes[pathname](request, port);
    } catch (error) {
      onProblem(`Cannot make ${pathname}: ${messageOf(error)}`);
      return refusal(500, `Cannot make this: ${messageOf(error)}`);
    }
  };
}

/** The names under which browsers of this machine reach the server. */
function hostsOf(port: number): string[] {
  const hosts = [LOOPBACK, "localhost", "[::1]"];
  return [...hosts.map((host) => `${host}:${port}`), ...(port === HTTP_PORT ? hosts : [])];
}

/** Browsers leave it out. */
const HTTP_PORT = 80;

/** Whether no page of another site asks: browsers say so. Programs of this machine may ask: see docs/page.md. */
function isOfOwnPage({ headers }: Request, port: number): boolean {
  const origin = headers.get("origin"), site = headers.get("sec-fetch-site");
  const isOwnOrigin = origin === null || hostsOf(port).some((host) => origin === `http://${host}`);
  return isOwnOrigin && (site === null || site === "same-origin" || site === "none");
}

function answer(body: BodyInit, type: string, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { status, headers: { ...HEADERS, ...headers, "content-type": type } });
}

function html(text: string): Response {
  return answer(text, "text/html; charset=utf-8");
}

function refusal(status: number, why: string, headers?: Readonly<Record<string, string>>): Response {
  return answer(`${why}\n`, "text/plain; charset=utf-8", status, headers);
}

function nothingHere(): Response {
  return refusal(404, "Not found.");
}
