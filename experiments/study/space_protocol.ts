/** What a confined space and the process that uses it say to each other: see `space_worker.ts`. */
import * as z from "zod";
import type { StepSizes } from "../../cells/recorded_cell.ts";
import { spaceFactorSchema, textSchema as text } from "../../cells/space_factor.ts";

/** Schema of {@linkcode DescribedCell}. */
export const describedCellSchema = z.object({
  name: text,
  states: z.array(z.string().regex(/^[\w.]+$/, "expected letters, digits, _ and points")).min(1).refine(
    (states) => new Set(states).size === states.length,
    "has a state twice, must have it once",
  ),
});

/** A cell without its function. */
export type DescribedCell = z.infer<typeof describedCellSchema>;

/** What a space is beside its functions. */
export const descriptionSchema = z.object({
  name: text,
  factors: z.array(spaceFactorSchema).optional(),
  hasCell: z.boolean(),
  valid: text.optional(),
  listed: text.optional(),
  cells: z.array(describedCellSchema),
});
export type SpaceDescription = z.infer<typeof descriptionSchema>;

/** What the module is called where its code runs, in messages of Deno too. No file is there. */
export const SPACE_URL = "file:///space.ts";

/** The first message to the worker: the module's text. */
export interface SpaceModule {
  readonly code: string;
}

/** A cell of the space: one of its named ones, or its own for these choices. */
export type CellName = { readonly cell: string } | { readonly choices: Readonly<Record<string, unknown>> };

/** What is asked of a space that has been read. */
export type SpaceCall =
  | { readonly ask: "valid" | "listed"; readonly choices: Readonly<Record<string, unknown>> }
  | { readonly ask: "cell"; readonly of: CellName }
  | {
    readonly ask: "step";
    readonly of: CellName;
    readonly sizes: StepSizes;
  };

/** A further message: a call, and memory into which its reply goes. The caller sleeps until it is there. */
export interface SpaceRequest {
  readonly call: SpaceCall;
  readonly memory: SharedArrayBuffer;
}

/** How the memory begins: whether the reply is there, and how many bytes of JSON it has. They follow. */
export const HEADER = { isThere: 0, length: 1, bytes: 8 } as const;

/** The most bytes that a reply may have: a step of the largest cells is a hundred kilobytes. */
export const MOST_REPLY_BYTES = 2 ** 26;

/** A reply: what was asked for, or why there is none. */
export type SpaceReply = { readonly value: unknown; readonly error?: undefined } | { readonly error: string };
