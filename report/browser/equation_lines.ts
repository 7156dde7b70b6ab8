/** Which lines of equations tell cells apart. */

/** A line, and whether some other cell lacks it. */
export interface EquationLine {
  readonly text: string;
  readonly isDifferent: boolean;
}

/** @param cells the lines of each cell's equations */
export function comparedLines(cells: readonly (readonly string[])[]): EquationLine[][] {
  const sets = cells.map((lines) => new Set(lines));
  return cells.map((lines) => lines.map((text) => ({ text, isDifferent: !sets.every((set) => set.has(text)) })));
}
