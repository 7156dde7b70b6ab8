/** One question to a server: which hosts may be asked, where it redirects to, and when to stop waiting. */
import { messageOf } from "../../cells/errors.ts";

/** What went wrong may go right another time. */
export class Interrupted extends Error {}

/** It will go wrong each time. */
export class Refused extends Error {}

const REDIRECTS = [301, 302, 303, 307, 308];
const MOST_REDIRECTS = 5;
/** Answers of a server that is overloaded, starting, or broken for the moment. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/** Stops waiting when a server has been silent for too long; the time that is spent on what it sent does not count. */
export class Patience {
  readonly #silence = new AbortController();
  readonly signal: AbortSignal;

  constructor(private readonly milliseconds: number, private readonly outer?: AbortSignal) {
    this.signal = outer ? AbortSignal.any([this.#silence.signal, outer]) : this.#silence.signal;
  }

  /** Waits for something of the server; what goes wrong with that is told apart by whose doing it is. */
  async of<T>(waited: Promise<T>): Promise<T> {
    const silent = () => this.#silence.abort(new Interrupted(`no data for ${this.milliseconds / 1000} s`));
    const timer = setTimeout(silent, this.milliseconds);
    try {
      return await waited;
    } catch (error) {
      this.outer?.throwIfAborted();
      if (this.#silence.signal.aborted) throw this.#silence.signal.reason;
      if (error instanceof TypeError) throw new Interrupted(reasonOf(error));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What Deno says of a connection, without the address, which is said anyway. */
function reasonOf(error: TypeError): string {
  const whole = error.cause instanceof Error ? error.cause.message : messageOf(error);
  return whole.replace(/^error sending request for url \(.*?\): /, "no connection: ").replaceAll("\n", " ");
}

/**
 * Asks for a file, and follows redirects as far as they lead to hosts that may be asked.
 *
 * @param hosts `name:port`
 * @throws {Interrupted} if there is no answer, or one that may be another soon
 * @throws {Refused} if the answer is that there is no such file, or leads to another host
 */
export async function ask(
  url: string,
  headers: Readonly<Record<string, string>>,
  hosts: readonly string[],
  patience: Patience,
): Promise<Response> {
  let at = new URL(url);
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    // An encoded answer would have other bytes than the file, at other places.
    const asked = { ...headers, "accept-encoding": "identity" };
    const response = await patience.of(fetch(at, { headers: asked, redirect: "manual", signal: patience.signal }));
    if (!REDIRECTS.includes(response.status)) return await checked(response);
    await response.body?.cancel();
    at = target(response, at, hosts);
  }
  throw new Refused(`the server redirects more than ${MOST_REDIRECTS} times`);
}

function target({ headers }: Response, from: URL, hosts: readonly string[]): URL {
  const location = headers.get("location") ?? "";
  const to = URL.canParse(location, from) && location ? new URL(location, from) : undefined;
  if (!to || !["http:", "https:"].includes(to.protocol)) {
    throw new Refused(`the server redirects to '${location}', which is no URL`);
  }
  const host = `${to.hostname}:${to.port || (to.protocol === "https:" ? 443 : 80)}`;
  if (!hosts.includes(host)) {
    throw new Refused(`the server redirects to another host, ${host}; must be ${hosts.join(" or ")}`);
  }
  return to;
}

async function checked(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  const encoding = headers.get("content-encoding");
  const isFile = status === 200 || status === 206;
  if (status === 416 || (isFile && (!encoding || encoding === "identity"))) return response;
  await response.body?.cancel();
  if (isFile) throw new Refused(`the server sends it encoded as ${encoding}, which was not asked for`);
  const answer = `the server answers ${status}${statusText ? ` ${statusText}` : ""}`;
  throw PASSING.includes(status) ? new Interrupted(answer) : new Refused(answer);
}
