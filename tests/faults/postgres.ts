/** A PostgreSQL server of a test's own, from Debian's package `postgresql`: its data lie in a temporary folder, and go with it. */
import { join } from "node:path";
import { freePorts } from "./processes.ts";

const PACKAGES = "/usr/lib/postgresql";
/** A server refuses to be root; the package brings this user along. */
const USER = "postgres";

/** Must appear in nothing that is printed or kept. */
export const PASSWORD = "correct-horse@42/staple";

/** Where the newest server's programs are; undefined where there is none. */
const PROGRAMS = programs();

/** Tests that need a server are left out, and counted as such, where there is none. */
export const NO_POSTGRES = PROGRAMS === undefined;
if (NO_POSTGRES) console.log(`Skipped: a PostgreSQL server, none lies in ${PACKAGES}`);

function programs(): string | undefined {
  try {
    const versions = [...Deno.readDirSync(PACKAGES)].map(({ name }) => Number(name)).filter(Number.isFinite);
    return versions.length ? join(PACKAGES, `${Math.max(...versions)}`, "bin") : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A running server, with a database `sweeps` that belongs to role `ann`. */
export class PostgresServer implements AsyncDisposable {
  private constructor(private readonly folder: string, readonly port: number, private readonly options: string) {}

  static async start(): Promise<PostgresServer> {
    const folder = await Deno.makeTempDir({ prefix: "cellspace-postgres-" });
    const passwordFile = join(folder, "password");
    await Deno.writeTextFile(passwordFile, PASSWORD);
    if (Deno.uid() === 0) {
      for (const path of [folder, passwordFile]) await chown(path);
    }
    const [port] = freePorts(1);
    const options = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off"]
      .map((setting) => `-c ${setting}`).join(" ");
    const server = new PostgresServer(folder, port, `-p ${port} ${options}`);
    try {
      const initdb = ["-D", server.data, "-U", USER, "--auth=scram-sha-256", `--pwfile=${passwordFile}`, "-N"];
      await server.#run("initdb", ...initdb);
      await server.start();
      await server.sql(`CREATE ROLE ann LOGIN PASSWORD '${PASSWORD}'`);
      await server.sql("CREATE DATABASE sweeps OWNER ann");
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  get data(): string {
    return join(this.folder, "data");
  }

  /** The address that a person would give, with or without the password. */
  url({ role = "ann", password = PASSWORD, database = "sweeps", more = "" } = {}): string {
    const secret = password ? `:${encodeURIComponent(password)}` : "";
    return `postgres://${role}${secret}@127.0.0.1:${this.port}/${database}${more}`;
  }

  async start(): Promise<void> {
    await this.#run("pg_ctl", "-D", this.data, "-o", this.options, "-l", join(this.folder, "log"), "-w", "start");
  }

  /** Stops it as a restart of the machine does, or as a crash. */
  async stop(how: "fast" | "immediate" = "fast"): Promise<void> {
    await this.#run("pg_ctl", "-D", this.data, "-m", how, "-w", "stop");
  }

  /** Has it take encrypted connections too, with a certificate that it has signed itself. */
  async encrypt(): Promise<void> {
    const key = join(this.data, "server.key"), certificate = join(this.data, "server.crt");
    const subject = ["-subj", "/CN=127.0.0.1", "-days", "2", "-nodes", "-keyout", key, "-out", certificate];
    const { success } = await new Deno.Command("openssl", {
      args: ["req", "-x509", "-newkey", "rsa:2048", ...subject],
      stderr: "null",
    }).output();
    if (!success) throw new Error("openssl failed");
    if (Deno.uid() === 0) {
      for (const path of [key, certificate]) await chown(path);
    }
    await Deno.chmod(key, 0o600);
    await this.sql("ALTER SYSTEM SET ssl = on");
    await this.sql("SELECT pg_reload_conf()");
  }

  /** Has the superuser say something; returns what comes back, a line for each row. */
  async sql(statement: string, database = "postgres"): Promise<string[]> {
    const args = ["-h", "127.0.0.1", "-p", `${this.port}`, "-U", USER, "-d", database, "-qAt", "-c", statement];
    return (await this.#run("psql", ...args)).split("\n").filter(Boolean);
  }

  /** All that the database holds, as text. */
  async dump(): Promise<string> {
    return await this.#run("pg_dump", "-h", "127.0.0.1", "-p", `${this.port}`, "-U", USER, "sweeps");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("immediate").catch(() => {});
    await Deno.remove(this.folder, { recursive: true });
  }

  async #run(program: string, ...args: readonly string[]): Promise<string> {
    const command = [join(PROGRAMS!, program), ...args];
    const [name, ...rest] = Deno.uid() === 0 ? ["runuser", "-u", USER, "--", ...command] : command;
    // Files, not pipes: the server keeps what it is given open.
    const child = new Deno.Command(name, {
      args: rest,
      cwd: "/",
      env: { PGPASSWORD: PASSWORD },
      stdin: "null",
      stdout: program === "pg_ctl" ? "null" : "piped",
      stderr: program === "pg_ctl" ? "null" : "piped",
    });
    const { success, stdout, stderr } = program === "pg_ctl"
      ? { ...await child.spawn().status, stdout: new Uint8Array(), stderr: new Uint8Array() }
      : await child.output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    if (!success) throw new Error(`${program} failed: ${text(stderr)}`);
    return text(stdout);
  }
}

async function chown(path: string): Promise<void> {
  const idOf = async (flag: string) => {
    const { stdout } = await new Deno.Command("id", { args: [flag, USER] }).output();
    return Number(new TextDecoder().decode(stdout));
  };
  await Deno.chown(path, await idOf("-u"), await idOf("-g"));
}
