/** Configurations of named cells, to compare the table's own with: `--cells gru,lstm`. */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import { UserError } from "../../cells/errors.ts";
import {
  type Configuration,
  type Factor,
  type FactorTable,
  type FactorValue,
  isSwitch,
  namesCell,
} from "../../cells/factor.ts";
import { changed, combinationsOf, type FactorLevels } from "./grid.ts";

/** Names of the cells that are not the table's own. */
export function otherCellNames(table: Space = GATED_SPACE): string[] {
  const factor = table.factors.find(namesCell);
  return factor ? table.cellNames.filter((name) => !table.isOwnCell({ [factor.key]: name })) : [];
}

/** @throws {Error} whose message says what the name must be */
export function parseCellName(text: string, table: Space = GATED_SPACE): string {
  const names = otherCellNames(table);
  if (!names.includes(text)) throw new Error(`must be of ${names.join(", ")}, separated by commas`);
  return text;
}

/** The factors that say something of any cell, but for its name. */
export function sharedFactors({ factors }: FactorTable): Factor[] {
  return factors.filter((factor) => !isSwitch(factor) && !factor.ofCell && !namesCell(factor));
}

/**
 * Configurations of these cells, with every combination of levels of what is not their name.
 *
 * @param listed levels of {@linkcode sharedFactors}
 * @throws {UserError} if there is no such cell
 */
export function namedCells(
  table: Space,
  names: readonly string[],
  listed: readonly FactorLevels[],
): Configuration[] {
  const factor = table.factors.find(namesCell), known = otherCellNames(table);
  const unknown = names.find((name) => !known.includes(name));
  if (!factor || unknown !== undefined) {
    throw new UserError(`Cannot list cell '${unknown ?? names[0]}': must be one of ${known.join(", ")}`);
  }
  const from = names.map((name) => fixed(table, { [factor.key]: name }));
  return combinationsOf(table, listed, from);
}

/**
 * A configuration with one fixed setting of what says nothing of another cell than the table's, so that a cell has one id: switches off, but
 * for the first that makes a configuration valid, if all off is not.
 */
function fixed(table: Space, config: Configuration): Configuration {
  const written = table.factors.filter((factor) => factor.default === undefined);
  const off = changed(
    table,
    config,
    Object.fromEntries(
      written.flatMap((factor): [string, FactorValue][] =>
        isSwitch(factor) ? [[factor.key, false]] : factor.ofCell ? [[factor.key, factor.levels[0]]] : []
      ),
    ),
  );
  const settings = [off, ...written.filter(isSwitch).map(({ key }) => changed(table, off, { [key]: true }))];
  const setting = settings.find((one) => table.valid.holds(one));
  if (!setting) {
    throw new UserError(
      `Cannot list named cells with table '${table.name}': no switch alone makes a configuration valid`,
    );
  }
  return setting;
}
