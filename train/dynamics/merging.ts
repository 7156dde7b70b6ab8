/** Which of several runs through the same tokens have come to the same state. */
import type { Values } from "../../cells/graph/interpreter.ts";

/** How the starts of one stream stand. */
export interface StreamMerging {
  /** Starts in each group of merged states. */
  readonly groups: readonly number[];
  /** Starts whose state is infinite or NaN. */
  readonly diverged: number;
  /** Tokens since which all starts are in one group; null where they are not. */
  readonly mergedAfter: number | null;
}

/** Watches states `[streams · starts, size]`, the starts of one stream side by side. */
export class Merging {
  #streams: readonly StreamMerging[] = [];

  constructor(private readonly by: { readonly streams: number; readonly starts: number; readonly tolerance: number }) {}

  get streams(): readonly StreamMerging[] {
    return this.#streams;
  }

  /** Whether no stream has two groups: they could not merge further. */
  get isOver(): boolean {
    return this.#streams.every(({ groups }) => groups.length < 2);
  }

  /** @param tokens that were read so far */
  see(states: ReadonlyMap<string, Values>, tokens: number): void {
    const { streams, starts, tolerance } = this.by;
    this.#streams = Array.from({ length: streams }, (_, stream) => {
      const rows = Array.from({ length: starts }, (_, i) => rowOf(states, stream * starts + i, streams * starts));
      const finite = rows.filter((row) => row.every((values) => values.every(Number.isFinite)));
      const groups = groupsOf(finite, tolerance), isMerged = groups.length === 1 && groups[0] === starts;
      const mergedAfter = isMerged ? this.#streams[stream]?.mergedAfter ?? tokens : null;
      return { groups, diverged: starts - finite.length, mergedAfter };
    });
  }
}

type Row = readonly Values[];

function rowOf(states: ReadonlyMap<string, Values>, row: number, rows: number): Row {
  return [...states.values()].map((values) => {
    const size = values.length / rows;
    return values.subarray(row * size, (row + 1) * size);
  });
}

/** Sizes of the groups of rows that are connected by differences below the tolerance. */
function groupsOf(rows: readonly Row[], tolerance: number): number[] {
  let groups: Row[][] = [];
  for (const row of rows) {
    const joined = groups.filter((group) => group.some((other) => areMerged(row, other, tolerance)));
    groups = [...groups.filter((group) => !joined.includes(group)), [row, ...joined.flat()]];
  }
  return groups.map(({ length }) => length);
}

function areMerged(a: Row, b: Row, tolerance: number): boolean {
  return a.every((values, state) => values.every((x, i) => Math.abs(x - b[state][i]) < tolerance));
}
