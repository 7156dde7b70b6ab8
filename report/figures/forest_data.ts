/** The data behind forest plots: a row for each dot with its interval, and one for each small dot of a single seed. */
import type { Column, Table, Value } from "../data/table.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import { contrastColumns, countColumn, numberColumn, pictureTable, textColumn } from "./data_columns.ts";
import type { Forest, ForestRow } from "./forest.ts";

/** A dot: the mean over the seeds, or one seed's. */
interface Dot {
  readonly row: ForestRow;
  readonly seed?: PairMean["by_seed"][number];
}

/** Columns on how sure a mean of pairs is; empty where a row is of a single seed. */
export function pairColumns<Row>(
  of: (row: Row) => (PairMean & { readonly p_holm?: number }) | undefined,
): Column<Row>[] {
  return [
    numberColumn("interval_low", "lower end of the 95 % interval; none with one seed", (row) => of(row)?.interval?.low),
    numberColumn("interval_high", "upper end of it", (row) => of(row)?.interval?.high),
    numberColumn("p", "two-sided p for the hypothesis of no difference", (row) => of(row)?.p),
    numberColumn("p_holm", "p with Holm's correction for the number of comparisons", (row) => of(row)?.p_holm),
    countColumn("pairs", "matched pairs, or sets of four, that the mean is over", (row) => of(row)?.pairs),
    countColumn("pairs_lower", "those whose mean over the seeds is below zero", (row) => of(row)?.lower),
    countColumn("seeds", "seeds that all of them have", (row) => of(row)?.seeds.length),
  ];
}

/** What a column says that not every forest plot has. */
export interface SubjectColumn {
  readonly name: string;
  readonly about: string;
  of(row: ForestRow): Value | undefined;
}

/** @param more columns that the picture has beside those of all forest plots, behind what is compared */
export function forestTable(forests: readonly Forest[], more: readonly SubjectColumn[] = []): Table {
  const dots = forests.flatMap(({ rows }) => rows).flatMap((row): Dot[] => {
    const { effect: { seeds, by_seed } } = row, small = seeds.length > 1 ? by_seed : [];
    return [{ row }, ...small.map((seed) => ({ row, seed }))];
  });
  const ofAll = ({ row, seed }: Dot) => seed ? undefined : { ...row.effect, p_holm: row.p_holm };
  return pictureTable<Dot>([
    textColumn(
      "measure",
      "what is compared, by the name of its column in the table of runs",
      ({ row }) => row.subject.measure,
    ),
    textColumn("unit", "unit of differences and intervals", ({ row }) => row.subject.unit),
    textColumn("shown", "meaning of the dot", ({ row }) => row.subject.shown),
    ...contrastColumns(({ row }: Dot) => row.subject.contrast),
    ...more.map(({ name, about, of }) => textColumn(name, about, ({ row }: Dot) => asText(of(row)))),
    countColumn(
      "seed",
      "of a small dot: its seed; empty: the mean over the seeds",
      ({ seed }) => seed?.seed,
    ),
    numberColumn(
      "difference",
      "mean difference over the pairs; empty without pairs",
      ({ row, seed }) => seed ? seed.difference : row.effect.difference,
    ),
    ...pairColumns(ofAll),
  ], dots);
}

function asText(value: Value | undefined): string | undefined {
  return value === undefined || value === null ? undefined : `${value}`;
}
