/** A PostgreSQL server with pg-boss on it: opened, asked again while it does not answer, and what it says in words. Nothing here names a password. */
import { AssertionError } from "node:assert/strict";
import { PgBoss } from "pg-boss";
import { messageOf, UserError } from "../../cells/errors.ts";
import { addressInWords, PASSWORD_VARIABLE, type QueueAddress } from "./queue_url.ts";

/** Where pg-boss has its tables: one of our own, beside whatever else is in the database. */
export const SCHEMA = "cellspace";

/** Seconds from one search for owners that have fallen silent to the next; whoever is alive does it. */
export const SEARCH_SECONDS = 5;

/** Connections of a process: each claim, beat and commit takes one for a moment. */
const CONNECTIONS = 4;

/** Milliseconds that an answer may take: a network that has gone says nothing. */
const ANSWER_MILLISECONDS = 30_000;

/** Seconds between tries where the server does not answer: twice as many each time. */
const PAUSES = { first: 0.5, most: 30 };

export interface ServerOptions {
  /** Looks only: makes no tables, and searches for nobody. */
  readonly looksOnly?: boolean;
  /** Seconds after which the server ends a transaction whose process has stopped in it. */
  readonly stoppedAfter: number;
}

/**
 * Connects, and makes pg-boss' tables where they are missing.
 *
 * @throws {UserError} with one line, if there is no such server or database, or the role may not use it
 */
export async function openServer(
  address: QueueAddress,
  { looksOnly = false, stoppedAfter }: ServerOptions,
): Promise<PgBoss> {
  const { host, port, database, role: user, ssl } = address;
  // Beside what pg-boss names, its client takes these.
  const client = {
    // What is left out is read from variables of the environment, which this process may not read.
    client_encoding: "UTF8",
    sslnegotiation: "postgres",
    query_timeout: ANSWER_MILLISECONDS,
    keepAlive: true,
  };
  const boss = new PgBoss({
    ...client,
    ...{ host, port, database, user, ssl, schema: SCHEMA },
    // A function: where there is none, the client would look for ~/.pgpass, which this process may not read.
    password: () => address.password ?? Deno.env.get(PASSWORD_VARIABLE) ?? "",
    application_name: "cellspace",
    max: CONNECTIONS,
    options: `-c idle_in_transaction_session_timeout=${Math.round(1000 * stoppedAfter)}`,
    migrate: !looksOnly,
    supervise: !looksOnly,
    superviseIntervalSeconds: SEARCH_SECONDS,
    monitorIntervalSeconds: SEARCH_SECONDS,
    schedule: false,
    // Nothing of this machine is kept there but what an owner's name says.
    registerInstance: false,
    reindex: false,
    monitorVacuum: false,
    openTelemetry: { enabled: false },
  });
  // A server that has gone is met at the next heartbeat too, and said there, once.
  boss.on("error", () => {});
  try {
    await boss.start();
  } catch (error) {
    // Nobody has trained with this queue yet: there is nothing to look at.
    if (looksOnly && !isAway(error) && await boss.isInstalled().catch(() => true) === false) return boss;
    await closeServer(boss);
    throw serverError(address, error);
  }
  return boss;
}

/** Closes the connections; a server that has gone keeps nobody waiting. */
export async function closeServer(boss: PgBoss): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, 5000);
  await Promise.race([boss.stop({ graceful: false }).catch(() => {}), promise]);
  clearTimeout(timer);
}

/**
 * Asks the server again and again while it does not answer, with longer and longer pauses. Unlike `p-retry`, it gives up when a whole pause no longer
 * fits into the time, and remembers that for the questions that follow.
 */
export class Retries {
  /** Whoever has waited in vain once does not wait for each further question. */
  #isSpent = false;

  /** @param seconds how long to go on asking, in all */
  constructor(private readonly address: QueueAddress, private readonly seconds: number) {}

  /** @throws {UserError} if the server has not answered in time, or refuses */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    const until = performance.now() + 1000 * (this.#isSpent ? 0 : this.seconds);
    for (let pause = PAUSES.first;; pause = Math.min(2 * pause, PAUSES.most)) {
      try {
        const answer = await question();
        this.#isSpent = false;
        return answer;
      } catch (error) {
        if (error instanceof OwnError) throw error.cause;
        if (isBug(error)) throw error;
        if (!isAway(error)) throw serverError(this.address, error);
        if (performance.now() + 1000 * pause > until) {
          this.#isSpent = true;
          throw serverError(this.address, error);
        }
      }
      await new Promise((resolve) => setTimeout(resolve, 1000 * pause));
    }
  }
}

/** What went wrong in an action that was done while the server was asked: it is no trouble of the server's. */
export class OwnError extends Error {
  constructor(override readonly cause: unknown) {
    super();
  }
}

/** SQLSTATE of connections that end or are not taken for now: https://www.postgresql.org/docs/15/errcodes-appendix.html */
const AWAY_STATES = /^(08...|57P0[1-35]|53300|25P03)$/;
const AWAY_CODES = [
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
];
const AWAY_WORDS =
  /connection terminated|connection ended|timeout|transaction is already settled|not queryable|Client was closed/i;

/** Whether the server may answer again by itself: it is restarted, or the network is away. */
function isAway(error: unknown): boolean {
  const { code, message } = causeOf(error);
  if (code !== undefined && (AWAY_CODES.includes(code) || AWAY_STATES.test(code))) return true;
  return code === undefined && AWAY_WORDS.test(message);
}

/** What no server says: it is not put into one line. */
function isBug(error: unknown): boolean {
  return [TypeError, ReferenceError, RangeError, AssertionError, Deno.errors.NotCapable].some((kind) =>
    error instanceof kind
  );
}

/** The first of several: a name that stands for two addresses fails with both, and with no words of its own. */
function causeOf(error: unknown): { code: string | undefined; message: string } {
  if (error instanceof AggregateError && error.errors.length) return causeOf(error.errors[0]);
  const code = (error as { code?: unknown }).code;
  return { code: typeof code === "string" ? code : undefined, message: messageOf(error) };
}

type Explanation = (address: QueueAddress) => string;

/** What an error means, and what to do about it. */
const EXPLAINED: readonly (readonly [RegExp, Explanation])[] = [
  [/^ECONNREFUSED$/, () => "nothing listens there; start PostgreSQL, or correct the address"],
  [/^(ENOTFOUND|EAI_AGAIN)$/, ({ host }) => `no machine is called ${host}; correct the address`],
  [/^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/, () => "no answer; check for a firewall"],
  [
    /^28P01$/,
    ({ role }) => `the password of role ${role} is wrong; correct it in the address, or in ${PASSWORD_VARIABLE}`,
  ],
  [
    /client password must be/,
    ({ role }) => `the server asks for the password of role ${role}; put it into ${PASSWORD_VARIABLE} or the address`,
  ],
  [
    /^28000$/,
    ({ role }) => `role ${role} may not connect from here, or does not exist; correct the address, or pg_hba.conf`,
  ],
  [
    /^3D000$/,
    ({ database, role }) => `there is no database ${database}; create it with createdb --owner ${role} ${database}`,
  ],
  [
    /^42501$/,
    ({ database, role }) =>
      `role ${role} may not make or use schema ${SCHEMA} there; let the owner of the database run GRANT CREATE ON DATABASE ${database} TO ${role}`,
  ],
  [/^53300$/, () => "it has no connection left; wait, or raise max_connections"],
  [/does not support SSL/, () => "it has no TLS; leave sslmode away"],
  [
    /certificate/,
    () => "its certificate is not signed by a known authority for this host; sslmode=no-verify encrypts all the same",
  ],
];

/** One line on what the server, or the way to it, has said. */
export function serverError(address: QueueAddress, error: unknown): UserError {
  if (error instanceof UserError) return error;
  const { code, message } = causeOf(error);
  const explain = EXPLAINED.find(([words]) => words.test(code ?? "") || words.test(message))?.[1];
  const said = withoutPassword(message, address);
  return new UserError(`Cannot use the queue at ${addressInWords(address)}: ${explain?.(address) ?? said}`);
}

/** No message of the server or the client is known to hold it; one that does is not printed. */
function withoutPassword(message: string, { password }: QueueAddress): string {
  const secret = password ?? Deno.env.get(PASSWORD_VARIABLE);
  return secret && message.includes(secret) ? "the server refuses the connection" : message;
}
