/** A server on this machine that answers as it is told to, rightly or not: it writes what stands on the wire by itself. */

/** What came: the path, and the headers with their names in lower case. */
export interface Request {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer {
  /** `200` where it does not say. */
  readonly status?: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Uint8Array;
  /** Bytes of the body that are sent; absent: all. */
  readonly cut?: number;
  /** Says nothing more then, and keeps the connection. */
  readonly stalls?: boolean;
  /** Goes on sending the body for ever. */
  readonly endless?: boolean;
  /** Milliseconds before anything is said. */
  readonly after?: number;
}

export class CorpusServer implements AsyncDisposable {
  readonly requests: Request[] = [];
  readonly #connections = new Set<Deno.Conn>();
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #served: Promise<void>;
  #isOpen = true;

  /** @param answer what is said to each request, by its number, from 0 */
  constructor(private readonly answer: (request: Request, number: number) => Answer) {
    this.#served = this.#serve();
  }

  get host(): string {
    return `127.0.0.1:${this.#listener.addr.port}`;
  }

  async #serve(): Promise<void> {
    for await (const connection of this.#listener) {
      this.#connections.add(connection);
      this.#reply(connection).catch(() => {});
    }
  }

  async #reply(connection: Deno.Conn): Promise<void> {
    const request = await readRequest(connection);
    const answer = this.answer(request, this.requests.push(request) - 1);
    const { status = "200 OK", headers = {}, body = new Uint8Array(), cut, stalls, endless, after = 0 } = answer;
    await new Promise((resolve) => setTimeout(resolve, after));
    const all = { "content-length": body.length, connection: "close", ...headers };
    const lines = Object.entries(all).filter(([, value]) => value !== "").map(([name, value]) =>
      `${name}: ${value}\r\n`
    );
    await writeAll(connection, new TextEncoder().encode(`HTTP/1.1 ${status}\r\n${lines.join("")}\r\n`));
    do await writeAll(connection, body.subarray(0, cut)); while (endless);
    if (stalls) return;
    connection.close();
    this.#connections.delete(connection);
  }

  /** From now on nobody can connect. */
  close(): void {
    this.#isOpen = false;
    this.#listener.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isOpen) this.close();
    for (const connection of this.#connections) {
      try {
        connection.close();
      } catch {
        // It has closed itself.
      }
    }
    await this.#served;
  }
}

async function readRequest(connection: Deno.Conn): Promise<Request> {
  let text = "";
  const chunk = new Uint8Array(4096);
  while (!text.includes("\r\n\r\n")) {
    const count = await connection.read(chunk);
    if (count === null) throw new Error("the connection ended before the request");
    text += new TextDecoder().decode(chunk.subarray(0, count));
  }
  const [first, ...lines] = text.split("\r\n\r\n")[0].split("\r\n");
  const headers = lines.map((line) => line.split(/: (.*)/)).map(([name, value]) => [name.toLowerCase(), value]);
  return { path: first.split(" ")[1], headers: Object.fromEntries(headers) };
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await connection.write(bytes.subarray(at));
}
