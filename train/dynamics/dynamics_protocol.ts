/** What a measurement of a model's dynamics and its worker say to each other. */
import type { Cell } from "../../cells/cell.ts";
import { recordCell, type RecordedStep, replayedCell } from "../../cells/recorded_cell.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { DynamicsSettings } from "./measure.ts";

/** A cell as plain data: functions do not cross over to a worker, and those of a user's space stay where they are confined. */
export interface PlainCell extends Pick<Cell, "name" | "states"> {
  readonly step: RecordedStep;
}

/** What one worker is to measure. */
export interface DynamicsRequest {
  /** The bytes of an `.onnx` file, and what messages call it. */
  readonly model: Uint8Array;
  readonly file: string;
  readonly cell: PlainCell;
  readonly text: Tokens;
  readonly settings: DynamicsSettings;
  /** One number in shared memory; other than 0 once the measurement is to be given up. */
  readonly stop: Int32Array;
}

/** How far a worker is, from 0 to 1. */
export interface DynamicsProgress {
  readonly share: number;
}

/** A cell's step is the same for any number of rows: one is enough to record it. */
export function plainCell(cell: Cell, state_size: number): PlainCell {
  return { name: cell.name, states: cell.states, step: recordCell(cell, { batch: 1, state_size }) };
}

/** The cell again. */
export function cellFrom({ step, ...cell }: PlainCell): Cell {
  return replayedCell(cell, () => step);
}
