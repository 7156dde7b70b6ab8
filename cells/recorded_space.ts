/**
 * A space as plain data: its factors, and what its functions say of some configurations. So what knows these configurations alone, such as a report's page,
 * can do without the code of a person's space.
 */
import { GATED_SPACE } from "./catalog/catalog.ts";
import type { Cell } from "./cell.ts";
import { canonicalJsonIn } from "./config.ts";
import { UserError } from "./errors.ts";
import {
  type Configuration,
  type Factor,
  type FactorTable,
  keysOf,
  type Rule,
  trainingFactors,
  withoutKeys,
} from "./factor.ts";
import { recordCell, type RecordedStep, replayedCell } from "./recorded_cell.ts";
import type { Space } from "./space.ts";

/** A cell of the space, with its steps by state size. */
interface CellRecord {
  readonly name: string;
  readonly states: readonly string[];
  readonly steps: Readonly<Record<string, RecordedStep>>;
}

/** What a space says of one configuration. */
interface ConfigRecord {
  readonly isValid: boolean;
  readonly isListed: boolean;
  readonly isOwnCell: boolean;
  readonly definesCell: boolean;
  /** The number of its cell. */
  readonly cell: number;
}

/** A space as JSON has it. */
export interface SpaceRecord {
  readonly name: string;
  readonly lead?: string;
  readonly factors: readonly Factor[];
  readonly valid: string;
  readonly listed: string;
  readonly cellNames: readonly string[];
  readonly cells: readonly CellRecord[];
  /** By {@linkcode canonicalJsonIn}. */
  readonly configs: Readonly<Record<string, ConfigRecord>>;
}

/** Shapes that follow from the batch size are computed again where a step is replayed. */
const BATCH = 1;

/**
 * Records what a space says of these configurations; of the built-in space, whose code is everywhere, nothing need be recorded.
 *
 * @throws {UserError} if it does not know a configuration's cell
 */
export function recordSpace(space: Space, configs: Iterable<Configuration>): SpaceRecord | undefined {
  if (space === GATED_SPACE) return undefined;
  const cells = new Map<Cell, { readonly number: number; readonly steps: Record<string, RecordedStep> }>();
  const records: Record<string, ConfigRecord> = {};
  for (const config of configs) {
    const key = canonicalJsonIn(space, config);
    if (Object.hasOwn(records, key)) continue;
    const cell = space.cellOf(config), state_size = Number(config.state_size);
    const known = cells.get(cell) ?? { number: cells.size, steps: {} };
    cells.set(cell, known);
    known.steps[state_size] ??= recordCell(cell, { batch: BATCH, state_size });
    records[key] = {
      isValid: space.valid.holds(config),
      isListed: space.listed.holds(config),
      isOwnCell: space.isOwnCell(config),
      definesCell: space.definesCell(config),
      cell: known.number,
    };
  }
  return {
    name: space.name,
    ...(space.lead === undefined ? {} : { lead: space.lead }),
    factors: space.factors,
    valid: space.valid.must,
    listed: space.listed.must,
    cellNames: space.cellNames,
    cells: [...cells].map(([{ name, states }, { steps }]) => ({ name, states, steps })),
    configs: records,
  };
}

/** The space that was recorded. Asked about another configuration, it throws a {@linkcode UserError}. */
export function replayedSpace(record: SpaceRecord | undefined): Space {
  if (!record) return GATED_SPACE;
  const { name, lead, factors, cellNames, configs } = record;
  const cells = record.cells.map(({ name, states, steps }) =>
    replayedCell(
      { name, states },
      ({ state_size }) => steps[state_size] ?? refuse(`cell '${name}' was not recorded with state size ${state_size}`),
    )
  );
  // What a configuration is trained with makes no other cell: so one of the same cell and sizes answers for it.
  const training = keysOf(trainingFactors({ factors } as FactorTable));
  const untrained = (config: Configuration) => canonicalJsonIn(space, withoutKeys(config, training));
  let made: ReadonlyMap<string, ConfigRecord> | undefined;
  const alike = () =>
    made ??= new Map(
      Object.entries(configs).map(([key, record]) => [untrained(JSON.parse(key) as Configuration), record]),
    );
  const of = (config: Configuration) => {
    const key = canonicalJsonIn(space, config);
    if (Object.hasOwn(configs, key)) return configs[key];
    return alike().get(untrained(config)) ?? refuse(`configuration ${key} was not recorded`);
  };
  const refuse = (why: string): never => {
    throw new UserError(`Cannot use space '${name}': ${why}`);
  };
  const rule = (must: string, holds: Rule["holds"]): Rule => ({ must, holds });
  const space: Space = {
    name,
    ...(lead === undefined ? {} : { lead }),
    factors,
    cellNames,
    valid: rule(record.valid, (config) => of(config).isValid),
    listed: rule(record.listed, (config) => of(config).isListed),
    isOwnCell: (config) => of(config).isOwnCell,
    definesCell: (config) => of(config).definesCell,
    cellOf: (config) => cells[of(config).cell],
    enlarged: () => refuse("its promotion of the best configurations was not recorded"),
  };
  return space;
}
