/** A user's space, whose code runs confined: see `space_worker.ts`. */
import { parseWith } from "../../cells/config.ts";
import { defineSpace, type SpaceDefinition, type SpaceRule } from "../../cells/define_space.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { type RecordedStep, replayedCell } from "../../cells/recorded_cell.ts";
import type { Cell } from "../../cells/cell.ts";
import type { Space } from "../../cells/space.ts";
import { packageFolder, projectFolder } from "../../train/process/folders.ts";
import { checkWorker } from "../../train/process/open_files.ts";
import { atEnd } from "../../train/terminal/exit.ts";
import {
  type CellName,
  type DescribedCell,
  describedCellSchema,
  descriptionSchema,
  HEADER,
  MOST_REPLY_BYTES,
  SPACE_URL,
  type SpaceCall,
  type SpaceDescription,
  type SpaceReply,
  type SpaceRequest,
} from "./space_protocol.ts";

/** How long a module may take to be read, and its functions to return: they build small graphs. */
const TIMEOUT_MILLISECONDS = 30_000;

/** Spaces that this process has read, by the text of their modules: each has one worker. */
const known = new Map<string, Promise<Space>>();

/**
 * Reads a space from the text of its module, in a worker that may read this project and nothing else. The worker lives until the program
 * ends or {@linkcode closeSpaces} is called; what has been read is not read again.
 *
 * @param name what errors call the module: its file
 * @throws {UserError} with one line, if the module cannot be read, wants what it may not have, or exports no space
 */
export function readConfined(code: string, name: string): Promise<Space> {
  const space = known.get(code) ?? read(code, name);
  known.set(code, space);
  space.catch(() => known.delete(code));
  return space;
}

async function read(code: string, name: string): Promise<Space> {
  const module = new ConfinedModule(name);
  try {
    const described = await module.read(code);
    return defineSpace(definitionOf(parseWith(descriptionSchema, described, `what ${name} exports`), module));
  } catch (error) {
    module.close();
    throw error instanceof UserError ? error : new UserError(`Cannot use space ${name}: ${messageOf(error)}`);
  }
}

/** Ends the workers of all spaces: none can be used after. A space that is read again has a new one. */
export function closeSpaces(): void {
  known.clear();
  for (const module of open) module.close();
}

const open = new Set<ConfinedModule>();

/** Holds on the workers of spaces that have not been given up. */
const holds = new Set<Disposable>();

/**
 * Keeps the workers of spaces at hand, until it is disposed of: with the last hold they all end, and a space that is read after that has a
 * new one. For a program that has more to do than a script, whose end is theirs.
 */
export function holdSpaces(): Disposable {
  const hold: Disposable = {
    [Symbol.dispose]() {
      if (holds.delete(hold) && !holds.size) closeSpaces();
    },
  };
  holds.add(hold);
  return hold;
}

/** The definition that a module exports, with functions that ask it. */
function definitionOf({ hasCell, cells, factors, ...described }: SpaceDescription, module: ConfinedModule) {
  const rule = (ask: "valid" | "listed"): SpaceRule<readonly []> | undefined => {
    const must = described[ask];
    return must === undefined ? undefined : { must, holds: (choices) => module.ask({ ask, choices }) as boolean };
  };
  const definition: SpaceDefinition = {
    name: described.name,
    ...(factors ? { factors: factors as SpaceDefinition["factors"] } : {}),
    ...(hasCell ? { cell: (choices) => cellOf({ choices }, module) } : {}),
    valid: rule("valid") as SpaceDefinition["valid"],
    listed: rule("listed") as SpaceDefinition["listed"],
    cells: cells.map((cell) => stepsOf(cell, { cell: cell.name }, module)),
  };
  return definition;
}

function cellOf(of: CellName, module: ConfinedModule): Cell {
  return stepsOf(parseWith(describedCellSchema, module.ask({ ask: "cell", of }), "a cell of a space"), of, module);
}

function stepsOf(cell: DescribedCell, of: CellName, module: ConfinedModule): Cell {
  return replayedCell(cell, (sizes) => module.ask({ ask: "step", of, sizes }) as RecordedStep);
}

/** A module in its worker. */
class ConfinedModule {
  readonly #worker: Worker;
  /** Replies come here, one after another. */
  readonly #memory = new SharedArrayBuffer(2 ** 16, { maxByteLength: MOST_REPLY_BYTES });
  /** Why it can be asked no more. */
  #closed: string | undefined;

  constructor(private readonly name: string) {
    checkWorker();
    this.#worker = new Worker(new URL("./space_worker.ts", import.meta.url), {
      type: "module",
      // This project, and npm's packages that it imports.
      deno: { permissions: { ...NOTHING, read: [projectFolder(), packageFolder()] } },
    });
    open.add(this);
    atEnd(() => this.close());
  }

  /** What the module exports. */
  async read(code: string): Promise<unknown> {
    const timer = Promise.withResolvers<SpaceReply>();
    const timeout = setTimeout(() => timer.resolve({ error: this.#silence }), TIMEOUT_MILLISECONDS);
    const reply = new Promise<SpaceReply>((resolve) => {
      this.#worker.onmessage = ({ data }: MessageEvent<SpaceReply>) => resolve(data);
      this.#worker.onerror = (event) => {
        event.preventDefault();
        this.#closed = event.message;
        resolve({ error: event.message });
      };
    });
    this.#worker.postMessage({ code });
    try {
      return this.#valueOf(await Promise.race([reply, timer.promise]));
    } finally {
      clearTimeout(timeout);
    }
  }

  /** Asks and sleeps until the answer is there: rules and graphs are asked for where nothing can wait. */
  ask(call: SpaceCall): unknown {
    if (this.#closed !== undefined) throw this.#refusal(this.#closed);
    const memory = this.#memory, header = new Int32Array(memory, 0, HEADER.bytes / Int32Array.BYTES_PER_ELEMENT);
    Atomics.store(header, HEADER.isThere, 0);
    this.#worker.postMessage({ call, memory } satisfies SpaceRequest);
    if (Atomics.wait(header, HEADER.isThere, 0, TIMEOUT_MILLISECONDS) === "timed-out") {
      this.#closed = this.#silence;
      throw this.#refusal(this.#closed);
    }
    const bytes = new Uint8Array(memory, HEADER.bytes, header[HEADER.length]).slice();
    return this.#valueOf(JSON.parse(new TextDecoder().decode(bytes)));
  }

  close(): void {
    if (!open.delete(this)) return;
    this.#closed ??= "it was closed";
    this.#worker.terminate();
  }

  get #silence(): string {
    return `it did not answer within ${TIMEOUT_MILLISECONDS / 1000} s`;
  }

  #valueOf(reply: SpaceReply): unknown {
    if (reply.error !== undefined) throw this.#refusal(reply.error);
    return reply.value;
  }

  #refusal(why: string): UserError {
    return new UserError(`Cannot use space ${this.name}: ${plainReason(why, this.name)}`);
  }
}

const NOTHING = { net: false, write: false, env: false, ffi: false, run: false, sys: false, import: false } as const;

/** What Deno says, for the module's author: without its advice, its colours, and the address that the text has. */
function plainReason(why: string, name: string): string {
  const refused = /Requires (\w+ access(?: to .*?)?)(?:, run again with.*)?(?: at .*)?$/.exec(why);
  if (refused) return `it needs ${refused[1]}, must not: a space may read only itself and this project`;
  return why.replaceAll(SPACE_URL, name).replace(/^UserError: /, "");
}
