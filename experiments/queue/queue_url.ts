/**
 * Where a queue on a PostgreSQL server is: a URL, which may hold a password. Whatever is printed or kept names the server by {@linkcode addressInWords} alone.
 */
import { UserError } from "../../cells/errors.ts";

/** The variable of the environment that says where the queue is, for whoever does not want a password in a command line, which others can see. */
export const QUEUE_VARIABLE = "CELLSPACE_QUEUE";

/** The variable that holds the password where the URL has none, as for PostgreSQL's own programs. */
export const PASSWORD_VARIABLE = "PGPASSWORD";

/** What the client library reads, whatever it is told otherwise. */
const CLIENT_VARIABLES = ["PGBINARY", "PGREPLICATION"];

/** PostgreSQL's own. */
const DEFAULT_PORT = 5432;

const GRAMMAR = "must be postgres://role@host:port/database, with :password after the role if the server asks for one";

/** A name with dots, or an address; one of IPv6 stands in brackets. */
const HOST = /^([\w-]+(\.[\w-]+)*\.?|\[[\da-f:.]+\])$/i;

/** How `sslmode` is read: libpq's words as far as the client library knows them. */
const ENCRYPTION = {
  disable: false,
  /** With a certificate that a known authority has signed for this host. */
  require: true,
  "verify-full": true,
  /** Encrypted, with any certificate. */
  "no-verify": { rejectUnauthorized: false },
} as const;

/** A database on a server, and who asks there. */
export interface QueueAddress {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly role: string;
  readonly password?: string;
  readonly ssl: typeof ENCRYPTION[keyof typeof ENCRYPTION];
}

/**
 * Reads a URL as PostgreSQL's programs do.
 *
 * @throws {Error} whose message says what it must be, and holds nothing of it
 */
export function parseQueueUrl(text: string): QueueAddress {
  const url = URL.parse(text.trim());
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) throw new Error(GRAMMAR);
  const { searchParams: parameters, hostname } = url;
  if (parameters.has("host") || !hostname) {
    throw new Error(
      `${GRAMMAR}; Unix sockets (?host=/…) are not supported: let the server listen on 127.0.0.1`,
    );
  }
  const unknown = [...parameters.keys()].find((key) => key !== "sslmode");
  if (unknown !== undefined) throw new Error(`${GRAMMAR}; the only parameter may be sslmode`);
  const mode = parameters.get("sslmode") ?? "disable";
  if (!Object.hasOwn(ENCRYPTION, mode)) {
    throw new Error(`must have an sslmode of ${Object.keys(ENCRYPTION).join(", ")}`);
  }
  const part = (value: string) => {
    try {
      return decodeURIComponent(value);
    } catch {
      throw new Error(`${GRAMMAR}; a % in it must be written as %25`);
    }
  };
  const role = part(url.username), database = part(url.pathname.slice(1)), password = part(url.password);
  if (!role || !database || database.includes("/") || url.port === "0") throw new Error(GRAMMAR);
  // Deno refuses to start a task that may reach a host of any other name.
  if (!HOST.test(hostname)) {
    throw new Error(
      `${GRAMMAR}; a host has letters, digits, '-', '_' and dots (of another alphabet: its form that begins with xn--), or is an address`,
    );
  }
  return {
    host: hostname.replace(/^\[(.*)\]$/, "$1"),
    port: Number(url.port || DEFAULT_PORT),
    database,
    role,
    ...(password ? { password } : {}),
    ssl: ENCRYPTION[mode as keyof typeof ENCRYPTION],
  };
}

/** The address that a variable of the environment gives, or a flag; the flag wins. Undefined where neither says anything. */
export function queueUrl(
  flag: string | undefined,
  variable: (name: typeof QUEUE_VARIABLE) => string | undefined,
): string | undefined {
  return flag ?? (variable(QUEUE_VARIABLE)?.trim() || undefined);
}

/**
 * The address in a text that has not been checked yet.
 *
 * @throws {UserError} if it is none
 */
export function queueAddress(text: string): QueueAddress {
  try {
    return parseQueueUrl(text);
  } catch (error) {
    throw new UserError(`Cannot use the address of the queue: ${(error as Error).message}`);
  }
}

/** `host:port/database`: how a queue is called in all that is printed. */
export function addressInWords({ host, port, database }: Pick<QueueAddress, "host" | "port" | "database">): string {
  return `${hostAndPort({ host, port })}/${database}`;
}

function hostAndPort({ host, port }: Pick<QueueAddress, "host" | "port">): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** What a process that asks a queue may do: reach that server alone, and read what the client library reads. */
export function queuePermissions(text: string | undefined): { readonly net: string[]; readonly env: string[] } {
  const nothing = { net: [], env: [QUEUE_VARIABLE] };
  if (text === undefined) return nothing;
  try {
    return { net: [hostAndPort(parseQueueUrl(text))], env: [QUEUE_VARIABLE, PASSWORD_VARIABLE, ...CLIENT_VARIABLES] };
  } catch {
    // The task meets the same error, and says it.
    return nothing;
  }
}
