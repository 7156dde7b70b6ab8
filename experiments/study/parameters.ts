/** State sizes by the number of parameters that they lead to: `--parameters 700k`. */
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import type { Space } from "../../cells/space.ts";
import type { Cell } from "../../cells/cell.ts";
import { type CellConfig, describeConfigIn } from "../../cells/config.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { type Configuration, isSize, markedBy } from "../../cells/factor.ts";
import { countParameters, evaluationModel } from "../../cells/language_model.ts";
import { parseDecimal } from "../../train/terminal/words.ts";
import { changed } from "./grid.ts";
import { parseIdPrefix } from "./run_key.ts";

/** How many parameters a model is to have: so many, or as many as the configuration whose id begins so. */
export type ParameterTarget = { readonly count: number } | { readonly like: string };

/** State sizes are multiples of it (docs/tasks.md, `--parameters`). */
const MULTIPLE = 4;

const UNITS: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6 };

const LIKE = "like:";

/** @throws {Error} whose message says what the target must be */
export function parseParameters(text: string): ParameterTarget {
  const given = text.trim();
  if (given.startsWith(LIKE)) {
    try {
      return { like: parseIdPrefix(given.slice(LIKE.length)) };
    } catch (error) {
      throw new Error(`what stands behind ${LIKE} ${messageOf(error)}`);
    }
  }
  const [, number, unit] = /^(.*?)([kM]?)$/.exec(given)!, count = Math.round(parseDecimal(number) * UNITS[unit]);
  if (!(count >= 1 && count <= Number.MAX_SAFE_INTEGER)) {
    throw new Error(`must be a number of parameters, as 700000, 700k or 1.2M, or ${LIKE} and the beginning of an id`);
  }
  return { count };
}

/** Trainable numbers of a configuration's model. */
export function parametersOf(space: Space, config: Configuration, vocabulary: number): number {
  return parametersOfCell(space.cellOf(config), config, vocabulary);
}

function parametersOfCell(cell: Cell, config: Configuration, vocabulary: number): number {
  return countParameters(evaluationModel(cell, { ...config as CellConfig, vocabulary }).parameters);
}

/** A state size and what it leads to. */
interface Solution {
  readonly size: number;
  readonly parameters: number;
}

/** Finds state sizes for one number of parameters; models of one cell and depth are counted once. */
export class StateSizes {
  readonly #known = new Map<Cell, Map<string, Solution>>();

  constructor(
    readonly target: number,
    private readonly vocabulary: number,
    private readonly table: Space = GATED_SPACE,
  ) {}

  /**
   * The configuration with the state size, a multiple of 4, whose number of parameters is nearest; the smaller of two as near.
   *
   * @param config its state size does not matter
   * @throws {UserError} if even the smallest state size leads to more, or the largest to fewer
   */
  sized(config: Configuration): { config: Configuration; parameters: number } {
    const { key } = markedBy(this.table, "colour"), cell = this.table.cellOf(config);
    const known = this.#known.get(cell) ?? new Map<string, Solution>();
    this.#known.set(cell, known);
    const shape = this.table.factors.filter((factor) => isSize(factor) && factor.key !== key);
    const name = shape.map((factor) => config[factor.key]).join();
    const solution = known.get(name) ?? this.#solve(cell, config);
    known.set(name, solution);
    return { config: changed(this.table, config, { [key]: solution.size }), parameters: solution.parameters };
  }

  #solve(cell: Cell, config: Configuration): Solution {
    const { table, target, vocabulary } = this, factor = markedBy(table, "colour");
    const at = (multiple: number): Solution => {
      const size = multiple * MULTIPLE, sized = changed(table, config, { [factor.key]: size });
      return { size, parameters: parametersOfCell(cell, sized, vocabulary) };
    };
    let low = Math.ceil(factor.least / MULTIPLE), high = Math.floor(factor.most / MULTIPLE);
    let below = at(low), above = at(high);
    for (
      const [bound, isOut, most] of [[below, below.parameters > target, "fewest"], [
        above,
        above.parameters < target,
        "most",
      ]] as const
    ) {
      if (!isOut) continue;
      const sized = changed(table, config, { [factor.key]: bound.size });
      throw new UserError(
        `Cannot find a state size for ${target} parameters: ${
          describeConfigIn(table, sized)
        } has the ${most}, ${bound.parameters}`,
      );
    }
    for (let turn = 0; high - low > 1; turn++) {
      // The number grows about with the square of the size, so its root is nearly a line; every third turn halves, whatever it is.
      const [from, to, goal] = [below.parameters, above.parameters, target].map(Math.sqrt);
      const share = turn % 3 === 2 ? 0.5 : (goal - from) / (to - from);
      const middle = Math.min(high - 1, Math.max(low + 1, Math.round(low + share * (high - low))));
      const found = at(middle);
      if (found.parameters <= target) [low, below] = [middle, found];
      else [high, above] = [middle, found];
    }
    return target - below.parameters <= above.parameters - target ? below : above;
  }
}
