/**
 * The data behind pictures as tables: what columns of several pictures say alike. A row stands for one thing that is drawn, a column's unit is in its
 * name, and numbers are as they were computed, not as a picture rounds them.
 */
import type { FactorTable, FactorValue } from "../../cells/factor.ts";
import type { Unit } from "../../cells/unit.ts";
import type { Criterion } from "../../experiments/study/criterion.ts";
import { type MergedRow, numbered, type Spread } from "../data/merged.ts";
import { type Column, factorColumn, type Table, type Value } from "../data/table.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { FactorContrast, Measure } from "../statistics/matched.ts";

/** What a row may lack. */
type Absent = null | undefined;

/** A column of one type; what is undefined is left empty. */
function columnOf<Kind extends Value>(type: Column<never>["type"]) {
  return <Row>(name: string, about: string, of: (row: Row) => Kind | Absent): Column<Row> => ({
    name,
    type,
    about,
    of: (row) => of(row) ?? null,
  });
}

/** Columns of text, whole numbers, numbers, and what holds or does not. */
export const textColumn = columnOf<string>("string"),
  countColumn = columnOf<number>("int"),
  numberColumn = columnOf<number>("double"),
  switchColumn = columnOf<boolean>("boolean");

/** A name with a unit: `min_loss_nats_per_byte`. */
export function withUnit(name: string, unit: string | undefined): string {
  return unit === undefined ? name : `${name}_${unit.replaceAll(/\W+/g, "_")}`;
}

/** A measure's column: scores name their unit, that of losses is what the models read. */
export function measureColumn(measure: Measure | Criterion, reads: Unit): string {
  return measure === "min_loss" || measure === "min loss" ? withUnit("min_loss", `nats per ${reads}`) : measure;
}

/** A table of one picture; of columns of one name, as a factor may have another's, each has a number behind it from the second on. */
export function pictureTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): Table {
  const names = numbered(columns.map(({ name }) => name));
  // Whose rows they are is known here alone: a list of pictures has tables of many kinds.
  const ofAny = columns.map(({ of, ...column }, i): Column<unknown> => ({
    ...column,
    name: names[i],
    of: (row) => of(row as Row),
  }));
  return { columns: ofAny, rows };
}

/** A picture's table with its name in each row: so tables can be put together, and a file is known as one of cellspace's (`ownership.ts`). */
export function namedTable({ columns, rows }: Table, picture: string): Table {
  return pictureTable(
    [...columns, textColumn("picture", "name of the picture that the row belongs to", () => picture)],
    rows,
  );
}

/** Which configuration a row is of. */
export interface OfConfiguration {
  readonly row: MergedRow;
}

/** What a configuration is called, and by what its runs are found in a table of runs. @param of undefined: the row is of none */
export function nameColumns<Row>(of: (row: Row) => MergedRow | undefined): Column<Row>[] {
  return [
    textColumn("name", "label of the configuration on page and pictures", (row) => of(row)?.name),
    textColumn(
      "id",
      "SHA-256 of the configuration; its runs are those of this id in the table of runs",
      (row) => of(row)?.id,
    ),
    textColumn("label", "the configuration in words", (row) => of(row)?.label),
    countColumn("seeds", "its finished runs, which differ only by seed", (row) => of(row)?.runs.length),
  ];
}

/** The value of each factor, as in the table of runs, and how long it was trained. @param of undefined: the row is of none */
export function factorColumns<Row>({ factors }: FactorTable, of: (row: Row) => MergedRow | undefined): Column<Row>[] {
  return [
    ...factors.map((factor) => factorColumn(factor, (row: Row) => of(row)?.config)),
    countColumn("steps_done", "training steps of each of its runs", (row) => of(row)?.steps_done),
    switchColumn(
      "control",
      "experiment 02: drawn at random from the configurations that were not promoted",
      (row) => of(row)?.control,
    ),
  ];
}

/** A number over seeds: its mean, the lowest and the highest. */
export function spreadColumns<Row>(
  name: string,
  about: string,
  of: (row: Row) => Pick<Spread, "mean" | "least" | "most"> | undefined,
): Column<Row>[] {
  return [
    numberColumn(name, `${about}, mean over its seeds`, (row) => of(row)?.mean),
    numberColumn(`${name}_least`, "the lowest of its seeds", (row) => of(row)?.least),
    numberColumn(`${name}_most`, "the highest of its seeds", (row) => of(row)?.most),
  ];
}

/** An estimate, the mean over seeds, with the standard error of its measuring. */
export function estimateColumns<Row>(
  name: string,
  about: string,
  of: (row: Row) => Estimate | undefined,
): Column<Row>[] {
  return [
    numberColumn(name, `${about}, mean over its seeds`, (row) => of(row)?.value),
    numberColumn(
      `${name}_standard_error`,
      "standard error over streams of that mean",
      (row) => of(row)?.standard_error,
    ),
  ];
}

/** A factor's value where columns hold those of several factors: `true`, `256`. */
export function levelValue(value: FactorValue): string {
  return `${value}`;
}

/** What is compared. @param of undefined: the row compares something else; @param prefix before the columns' names */
export function contrastColumns<Row>(of: (row: Row) => FactorContrast | undefined, prefix = ""): Column<Row>[] {
  const valueOf = (side: "from" | "to") => (row: Row) => {
    const contrast = of(row);
    return contrast && levelValue(contrast[side]);
  };
  return [
    textColumn(
      `${prefix}factor`,
      "the factor that is compared, by the name of its column in the table of runs",
      (row) => of(row)?.factor.key,
    ),
    textColumn(
      `${prefix}from`,
      "its first value: differences are the second value's minus the first's",
      valueOf("from"),
    ),
    textColumn(`${prefix}to`, "its second value", valueOf("to")),
  ];
}
