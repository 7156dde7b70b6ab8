/**
 * Runs the module of a user's space where it may read this project and nothing else: no file, no network, no variable. Its text comes as a
 * message, so not even the module's own file has to be readable. Functions stay here; whoever uses the space asks for what they return.
 */
import type { Cell } from "../../cells/cell.ts";
import type { DefinedSpace, SpaceDefinition } from "../../cells/define_space.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { printError, routeConsole } from "../../train/terminal/output.ts";
import { recordCell } from "../../cells/recorded_cell.ts";
import {
  type CellName,
  HEADER,
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

// A worker that ends by itself tells nobody.
Deno.exit = () => {
  throw new UserError("it ends the program, must not");
};

// What a module prints is for the person who writes it; standard output may be read by a program.
routeConsole(printError);

/** What the module did wrong behind our back: a promise that nobody awaits. */
let failure: unknown;
self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  failure ??= event.reason;
});

let definition: SpaceDefinition | undefined;

port.onmessage = async ({ data }) => {
  if ("call" in data) return answer(data);
  port.postMessage(await replyOf(() => read(data)));
};

/** Reads the module, and gives what promises it has begun the time to fail. */
async function read({ code }: SpaceModule): Promise<SpaceDescription> {
  const url = `data:application/typescript;charset=utf-8,${encodeURIComponent(code)}`;
  const module = await import(url);
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
      return Boolean(valid!.holds(call.choices as never));
    case "listed":
      return Boolean(listed!.holds(call.choices as never));
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
  // deno-lint-ignore no-control-regex
  return messageOf(error instanceof Error ? error.message.replace(/\x1b\[\d*m/g, "") : error);
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
