/**
 * The mean of differences that are crossed by pairs and seeds, and how sure it is. Runs of one seed share weights and offsets, so their errors
 * are common to all pairs: an interval over pairs alone is too narrow, however many pairs there are (docs/statistics.md, "The interval").
 */
import { mean } from "simple-statistics";
import type { Interval } from "./bootstrap.ts";
import { intervalT, meanInterval, pOfF, pOfT } from "./student_t.ts";

/** What a table of differences, a row for each pair and a column for each seed, says of its mean. */
export interface CrossedMean {
  readonly mean: number;
  /** The mean of each column. */
  readonly byColumn: readonly number[];
  /** Of other pairs and other seeds; undefined with one row or one column: then nothing is known of what they have in common. */
  readonly known?: {
    /** 95 % interval of the mean. */
    readonly interval: Interval;
    /** Two-sided p of a mean of zero. */
    readonly p: number;
    /** Satterthwaite's degrees of freedom. */
    readonly degrees: number;
    /** p of `F = MSs / MSe`: small where columns differ by more than independent rows would. */
    readonly pColumns: number;
  };
  /** 95 % t interval over the means of the columns: of these pairs with other seeds; undefined with one column. */
  readonly columnInterval: Interval | undefined;
}

/**
 * With `D[i][s]`, `n` rows and `K` columns:
 *
 *     MSp = K Σᵢ(D̄ᵢ· − D̄)²/(n−1),  MSs = n Σₛ(D̄·ₛ − D̄)²/(K−1),  MSe = ΣᵢΣₛ(Dᵢₛ − D̄ᵢ· − D̄·ₛ + D̄)²/((n−1)(K−1))
 *     V = max(MSp + MSs − MSe, MSp, MSs)/(nK)
 *     ν = (nKV)² / [MSp²/(n−1) + MSs²/(K−1) + MSe²/((n−1)(K−1))], at least K−1
 *
 * and the interval is `D̄ ± t(0.975, ν) √V`. Sources: F. E. Satterthwaite, "An Approximate Distribution of Estimates of Variance
 * Components", Biometrics Bulletin 2 (1946) 110-114; H. H. Clark, "The language-as-fixed-effect fallacy", Journal of Verbal Learning and
 * Verbal Behavior 12 (1973) 335-359; J. Westfall, D. A. Kenny and C. M. Judd, "Statistical power and optimal design in experiments in
 * which samples of participants respond to samples of stimuli", Journal of Experimental Psychology: General 143 (2014) 2020-2045.
 *
 * @param table at least one row, all of the same number of columns, at least one
 */
export function crossedMean(table: readonly (readonly number[])[]): CrossedMean {
  const n = table.length, K = table[0].length;
  const byRow = table.map((row) => mean([...row])), centre = mean(byRow);
  const byColumn = table[0].map((_, s) => mean(table.map((row) => row[s])));
  const columnInterval = meanInterval(byColumn);
  if (n < 2 || K < 2) return { mean: centre, byColumn, columnInterval };
  const squares = (values: readonly number[]) => values.reduce((sum, value) => sum + value * value, 0);
  const ofRows = n - 1, ofColumns = K - 1, ofRest = ofRows * ofColumns;
  const MSp = K * squares(byRow.map((value) => value - centre)) / ofRows;
  const MSs = n * squares(byColumn.map((value) => value - centre)) / ofColumns;
  const MSe = squares(table.flatMap((row, i) => row.map((value, s) => value - byRow[i] - byColumn[s] + centre))) /
    ofRest;
  const nKV = Math.max(MSp + MSs - MSe, MSp, MSs), error = Math.sqrt(nKV / (n * K));
  const uncertainty = MSp ** 2 / ofRows + MSs ** 2 / ofColumns + MSe ** 2 / ofRest;
  const degrees = Math.max(uncertainty > 0 ? nKV ** 2 / uncertainty : 0, ofColumns);
  const p = error > 0 ? pOfT(centre / error, degrees) : centre === 0 ? 1 : 0;
  const pColumns = MSe > 0 ? pOfF(MSs / MSe, ofColumns, ofRest) : MSs > 0 ? 0 : 1;
  return {
    mean: centre,
    byColumn,
    known: { interval: intervalT(centre, error, degrees), p, degrees, pColumns },
    columnInterval,
  };
}

/** Values of one row by the name of their column. */
export type SparseRow = ReadonlyMap<number, number>;

/** The part of a table with gaps that has none. */
export interface CompleteTable {
  /** Numbers of the rows that are in it. */
  readonly rows: readonly number[];
  /** Names of its columns, ascending. */
  readonly columns: readonly number[];
  readonly values: readonly (readonly number[])[];
}

/**
 * The rows and columns of a table with gaps, such that each of these rows has each of these columns: of all sets of columns that some row has,
 * the one that leaves most numbers; one of two columns and two rows or more, where there is such a one, since of less nothing is known of how sure
 * its mean is.
 *
 * @param rows with at least one value each
 * @returns undefined without a row
 */
export function completeTable(rows: readonly SparseRow[]): CompleteTable | undefined {
  const sets = new Map(rows.map((row) => {
    const columns = [...row.keys()].sort((a, b) => a - b);
    return [columns.join(), columns];
  }));
  const shared = rows.length ? [...rows[0].keys()].filter((column) => rows.every((row) => row.has(column))) : [];
  const candidates = [...sets.values(), shared.sort((a, b) => a - b)].filter(({ length }) => length > 0)
    .map((columns) => {
      const own = rows.flatMap((row, i) => columns.every((column) => row.has(column)) ? [i] : []);
      return { rows: own, columns, size: own.length * columns.length };
    });
  const isSeveral = ({ rows, columns }: Pick<CompleteTable, "rows" | "columns">) =>
    Number(rows.length > 1 && columns.length > 1);
  const [best] = candidates.sort((a, b) =>
    isSeveral(b) - isSeveral(a) || b.size - a.size || b.columns.length - a.columns.length ||
    (a.columns.join() < b.columns.join() ? -1 : 1)
  );
  return best && {
    rows: best.rows,
    columns: best.columns,
    values: best.rows.map((i) => best.columns.map((column) => rows[i].get(column)!)),
  };
}
