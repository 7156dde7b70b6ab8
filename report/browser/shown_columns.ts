/** Which columns of the table are shown: the usual ones, and what a person has changed of that. */

/** A column as far as it can be chosen. */
export interface ChoosableColumn {
  readonly key: string;
  /** Whether it is shown where nothing was chosen. */
  readonly isUsual: boolean;
}

/** What of these columns is shown. @param changes `+key` for a column more, `-key` for one less; of what is no column nothing is said */
export function shownColumns(columns: readonly ChoosableColumn[], changes: readonly string[]): Set<string> {
  const asked = new Map(
    changes.filter((change) => /^[+-]/.test(change)).map((change) => [change.slice(1), change.startsWith("+")]),
  );
  return new Set(columns.flatMap(({ key, isUsual }) => asked.get(key) ?? isUsual ? [key] : []));
}

/**
 * The changes once a column is shown, or no longer. What was asked of columns that are not there now, since the configurations that are shown have
 * nothing in them, stays.
 */
export function withColumn(
  columns: readonly ChoosableColumn[],
  changes: readonly string[],
  key: string,
  isShown: boolean,
): string[] {
  const others = changes.filter((change) => change.slice(1) !== key);
  const isUsual = columns.find((column) => column.key === key)?.isUsual;
  return isUsual === isShown ? others : [...others, `${isShown ? "+" : "-"}${key}`];
}
