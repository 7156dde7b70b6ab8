/** What tables and pictures call a configuration: of another cell than the table's own by that cell's name first. */
import { CATALOG } from "../../cells/catalog/catalog.ts";
import { describeCellIn, describeConfigIn, describeSizesIn } from "../../cells/config.ts";
import {
  appliesTo,
  type ChoiceFactor,
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  formatLevel,
  isOther,
  phraseOf,
  valueOf,
} from "../../cells/factor.ts";

/** Whether a factor says which cell a configuration has. */
export function namesCell(factor: Factor): factor is ChoiceFactor {
  return factor.kind === "choice" && factor.namesCell === true;
}

const LABELS: ReadonlyMap<FactorValue, string> = new Map(CATALOG.map(({ cell, label }) => [cell.name, label]));

/** A value as an axis, a table or a filter shows it; of a factor that names cells what the catalog calls the cell. */
export function nameOfLevel(factor: Factor, value: FactorValue): string {
  return (namesCell(factor) ? LABELS.get(value) : undefined) ?? formatLevel(factor, value);
}

/** What a configuration's cell is called: `GRU`; of the table's own cell the table's name. */
export function cellNameIn(table: FactorTable, config: Configuration): string {
  const factor = table.factors.find(namesCell);
  return table.isOwnCell(config) || !factor ? table.name : nameOfLevel(factor, valueOf(factor, config));
}

/** A cell in a short line, of a configuration that says nothing of how it is trained: `state gate + new state`, or `GRU`. */
export function cellTitleIn(table: FactorTable, config: Configuration): string {
  return table.isOwnCell(config) ? describeCellIn(table, config) : cellNameIn(table, config);
}

/** A configuration in a short line: `2 layers × 256, state gate + new state`, or `GRU, 2 layers × 256`. */
export function labelIn(table: FactorTable, config: Configuration): string {
  if (table.isOwnCell(config)) return describeConfigIn(table, config);
  const others = table.factors.filter((factor) =>
    isOther(factor) && !namesCell(factor) && appliesTo(table, factor, config)
  );
  const phrases = others.flatMap((factor) => phraseOf(factor, valueOf(factor, config)) ?? []);
  return [cellNameIn(table, config), describeSizesIn(table, config), ...phrases].join(", ");
}
