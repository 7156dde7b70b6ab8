/**
 * Runs the module of a user's space where it may read this project and nothing else: no file, no network, no variable. Its text comes as a
 * message, so not even the module's own file has to be readable. Functions stay here; whoever uses the space asks for what they return.
 */
import { registerHooks } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { format, stripVTControlCharacters } from "node:util";
import type { Cell } from "../../cells/cell.ts";
import type { DefinedSpace, SpaceDefinition } from "../../cells/define_space.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { recordCell } from "../../cells/recorded_cell.ts";
import { packageFolder, projectFolder } from "../../train/process/folders.ts";
import { printError } from "../../train/terminal/output.ts";
import {
  type CellName,
  HEADER,
  SPACE_URL,
  type SpaceCall,
  type SpaceDescription,
  type SpaceModule,
  type SpaceReply,
  type SpaceRequest,
} from "./space_protocol.ts";

const port = self as unknown as {
  onmessage: (event: MessageEvent<SpaceModule | SpaceRequest>) => void;
  postMessage(reply: SpaceReply): void;
};

/** Ends in an error what a module must not do, and what no permission of Deno is for. */
function forbidden(what: string) {
  return function (): never {
    throw new UserError(`it ${what}, must not`);
  };
}

// A worker that ends by itself tells nobody.
Deno.exit = self.close = forbidden("ends the program");
// Another worker would import without the hooks below.
Object.assign(globalThis, { Worker: forbidden("starts a worker") });
Object.assign(process, { getBuiltinModule: forbidden("loads a module of Node.js") });

/** What a module may import. */
const LIBRARY = "@cellspace/cellspace";

// Deno downloads npm's packages without any permission, so the module may not name them, nor write another module that does.
const trusted = [projectFolder(), packageFolder()].map((folder) => `${pathToFileURL(folder)}/`);
let source: string | undefined;
registerHooks({
  resolve(specifier, context, next) {
    const parent = context.parentURL;
    if (parent !== undefined && trusted.some((folder) => parent.startsWith(folder))) return next(specifier, context);
    if (specifier === LIBRARY) return { url: import.meta.resolve(LIBRARY), shortCircuit: true };
    throw new UserError(`it imports '${specifier}', must import only ${LIBRARY}`);
  },
  load(url, context, next) {
    return url === SPACE_URL && source !== undefined
      ? { format: "module-typescript", source, shortCircuit: true }
      : next(url, context);
  },
});

// What a module prints is for the person who writes it; standard output may be read by a program.
for (const print of ["log", "info", "debug", "warn", "error"] as const) {
  console[print] = (...values) => printError(`space: ${format(...values)}`);
}

/** What the module did wrong behind our back: in a promise that nobody awaits, or a timer. */
let failure: unknown;
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  failure ??= event.reason;
});
self.addEventListener("error", (event) => {
  event.preventDefault();
  failure ??= event.error;
});

let definition: SpaceDefinition | undefined;

port.onmessage = async ({ data }) => {
  if ("call" in data) return answer(data);
  port.postMessage(await replyOf(() => read(data)));
};

/** Reads the module, and gives what promises it has begun the time to fail. */
async function read({ code }: SpaceModule): Promise<SpaceDescription> {
  source = code;
  const module = await import(SPACE_URL);
  await new Promise((resolve) => setTimeout(resolve, 0));
  definition = (module.default as DefinedSpace | undefined)?.definition;
  if (!definition) throw new UserError("it has no space as its default export, must export what defineSpace() returns");
  const { name, factors, cell, valid, listed, cells = [] } = definition;
  return {
    name,
    factors: factors as SpaceDescription["factors"],
    hasCell: cell !== undefined,
    valid: valid?.must,
    listed: listed?.must,
    cells: cells.map(({ name, states }) => ({ name, states: [...states] })),
  };
}

/** Answers into the memory that came, and wakes who sleeps there. */
function answer({ call, memory }: SpaceRequest): void {
  const header = new Int32Array(memory, 0, HEADER.bytes / Int32Array.BYTES_PER_ELEMENT);
  const write = (reply: SpaceReply) => {
    const bytes = new TextEncoder().encode(JSON.stringify(reply));
    if (HEADER.bytes + bytes.length > memory.byteLength) memory.grow(HEADER.bytes + bytes.length);
    new Uint8Array(memory, HEADER.bytes).set(bytes);
    header[HEADER.length] = bytes.length;
  };
  try {
    write({ value: valueOf(call) });
  } catch (error) {
    write({ error: reasonOf(failure ?? error) });
  }
  Atomics.store(header, HEADER.isThere, 1);
  Atomics.notify(header, HEADER.isThere);
}

function valueOf(call: SpaceCall): unknown {
  const { valid, listed } = definition!;
  if (failure !== undefined) throw failure;
  switch (call.ask) {
    case "valid":
      return valid!.holds(call.choices as never);
    case "listed":
      return listed!.holds(call.choices as never);
    case "cell": {
      const { name, states } = cellOf(call.of);
      return { name, states };
    }
    case "step":
      return recordCell(cellOf(call.of), call.sizes);
    default:
      return call satisfies never;
  }
}

function cellOf(of: CellName): Cell {
  const { cell, cells } = definition!;
  return "cell" in of ? cells!.find(({ name }) => name === of.cell)! : cell!(of.choices as never);
}

/** Without the colours that Deno gives some of its errors. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof Error ? stripVTControlCharacters(error.message) : error);
}

async function replyOf(action: () => Promise<unknown>): Promise<SpaceReply> {
  try {
    const value = await action();
    if (failure !== undefined) throw failure;
    return { value };
  } catch (error) {
    return { error: reasonOf(error) };
  }
}
