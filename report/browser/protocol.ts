/** What the page and its worker say to each other. The worker works out what the page shows; the page shows it. */
import type { RunResult } from "../../experiments/study/result.ts";
import type { DownloadKind } from "../page/figure.ts";
import type { PagePart } from "../page/parts.ts";
import type { RunsInFull } from "../page/run_part.ts";

/** What the page asks of the worker. */
export type Ask =
  /** What the page carries, as it stands there: see `carried.ts`. Answered only with an error, where it cannot be read. */
  | { readonly ask: "open"; readonly data: string }
  /** Results that are new or have changed, and keys of those that are there no more; answered with nothing. */
  | { readonly ask: "update"; readonly results: readonly RunResult[]; readonly gone: readonly string[] }
  /** The page of the configurations that an expression selects; of all where it is empty. */
  | { readonly ask: "select"; readonly only: string }
  /** Some configurations side by side, by their names on the page; of all that there are, whatever is selected. */
  | { readonly ask: "compare"; readonly runs: readonly string[] }
  /** All that a page of this study carries, as it would stand there. */
  | { readonly ask: "carry" }
  /** What a picture shows of the configurations that an expression selects, as text. */
  | { readonly ask: "picture"; readonly name: string; readonly as: DownloadKind; readonly only: string };

/** A question with a number, which its answer has too. */
export type Request = Ask & { readonly number: number };

/** What a selection comes to. */
export interface Selected {
  readonly parts: readonly PagePart[];
  readonly inFull: RunsInFull;
  /** Configurations that are shown: one that was trained in several ways stands there more than once. */
  readonly configurations: number;
  /** Ids of the listed configurations that are selected, whether they have finished runs or not; absent where no list is known. */
  readonly listed?: readonly string[];
}

/** Some configurations side by side: see `report/page/compare.ts`. */
export interface Compared {
  readonly html: string;
}

/** What a question is answered with; nothing where it is none. */
export type AnswerTo<A extends Ask> = A extends { readonly ask: "select" } ? Selected
  : A extends { readonly ask: "compare" } ? Compared
  : A extends { readonly ask: "picture" | "carry" } ? string
  : undefined;

/** What any question comes to. */
export type Answer = AnswerTo<Ask>;

/** What the worker replies. */
export type Reply =
  | { readonly number: number; readonly value: Answer }
  /** One line: why there is no answer. */
  | { readonly number: number; readonly error: string };
