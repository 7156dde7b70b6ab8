/** What tables and pictures call a configuration: of another cell than the table's own by that cell's name first. */
import { findCell } from "../../cells/catalog/catalog.ts";
import { describeCellIn, describeConfigIn, describeSizesIn } from "../../cells/config.ts";
import {
  appliesTo,
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  formatLevel,
  isOther,
  namesCell,
  phraseOf,
  valueOf,
} from "../../cells/factor.ts";

/** A value as an axis, a table or a filter shows it; of a factor that names cells what the catalog calls the cell. */
export function nameOfLevel(factor: Factor, value: FactorValue): string {
  return (namesCell(factor) ? findCell(`${value}`)?.label : undefined) ?? formatLevel(factor, value);
}

/** What the table's own cell is called: `gated`. A space of somebody's may have another name than the cell that it is about. */
export function ownCellName({ factors, name }: FactorTable): string {
  return `${factors.find(namesCell)?.default ?? name}`;
}

/** What a configuration's cell is called: `GRU`; of the table's own cell as {@linkcode ownCellName} says. */
export function cellNameIn(table: FactorTable, config: Configuration): string {
  const factor = table.factors.find(namesCell);
  return table.isOwnCell(config) || !factor ? ownCellName(table) : nameOfLevel(factor, valueOf(factor, config));
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
