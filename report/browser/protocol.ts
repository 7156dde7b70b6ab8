/** What the page and its worker say to each other. The worker works out what the page shows; the page shows it. */
import type { PagePart } from "../page/parts.ts";

/** What the page asks of the worker. */
export type Ask =
  /** What the page carries, as it stands there: see `carried.ts`. Nothing is told of it but where it cannot be read. */
  | { readonly ask: "open"; readonly data: string }
  /** The page of the configurations that an expression selects; of all where it is empty. */
  | { readonly ask: "select"; readonly only: string };

/** A question with a number, which its answer has too. */
export type Request = Ask & { readonly number: number };

/** Of an article on a configuration, what it is headed by: its rank is among those that are shown. */
export interface ShownRun {
  /** What the page calls the configuration. */
  readonly name: string;
  readonly heading: string;
}

/** What a selection comes to. */
export interface Selected {
  readonly parts: readonly PagePart[];
  /** Configurations, best first. */
  readonly shown: readonly ShownRun[];
  /** Configurations that there are. */
  readonly total: number;
}

/** What the worker replies. */
export type Reply =
  | { readonly number: number; readonly value: Selected | undefined }
  /** One line: why there is no answer. */
  | { readonly number: number; readonly error: string };
