/** How pictures tell configurations apart: a colour for each value of one size of the model, a shape for each value of another. */
import { type FactorTable, type IntegerFactor, markedBy, phraseOf, valueOf } from "../../cells/factor.ts";
import { type Configured, levelsIn } from "../data/rows.ts";
import { cohortsOf } from "../data/baselines.ts";
import { baselineEntry, hasBaselines, nameColour } from "./baselines.ts";
import { type LegendLine, type Shape, SHAPES } from "./svg.ts";
import { BASELINE_COLOUR, COLOUR, colourScale } from "./theme.ts";

/** A colour for each value of a factor that occurs. */
export interface FactorColours {
  readonly factor: IntegerFactor;
  /** For a legend. */
  readonly entries: readonly { readonly colour: string; readonly text: string }[];
  of(row: Configured): string;
}

/**
 * Colours by one size of the model; baselines have one of their own, whatever their size.
 *
 * @param rows those of the whole picture, so that its parts agree
 */
export function sizeColours(table: FactorTable, rows: readonly Configured[]): FactorColours {
  const factor = markedBy(table, "colour"), { own, baselines } = cohortsOf(table, rows);
  const colours = colourScale(levelsIn(factor, own));
  return {
    factor,
    entries: [...colours].map(([value, colour]) => ({ colour, text: `${value}` })),
    of: ({ config }) =>
      baselines.length && !table.isOwnCell(config) ? BASELINE_COLOUR : colours.get(valueOf(factor, config))!,
  };
}

/** How dots are told apart, over all rows of a picture. */
export interface DotKey {
  colourOf(row: Configured): string;
  shapeOf(row: Configured): Shape;
  /** Of the names of other cells: dark enough to read, as not all colours of dots are. */
  readonly nameColour: string;
  legend: LegendLine[];
}

/** Colours for one size and shapes for the other; where that has more values than there are shapes, the largest share the last one. */
export function dotKey(rows: readonly (Configured & { readonly control: boolean })[], table: FactorTable): DotKey {
  const colours = sizeColours(table, rows), shaped = markedBy(table, "shape");
  const values = levelsIn(shaped, rows), last = SHAPES.length - 1;
  const shapeAt = (index: number) => SHAPES[Math.min(index, last)];
  return {
    colourOf: colours.of,
    nameColour: nameColour(table, rows),
    shapeOf: ({ config }) => shapeAt(values.indexOf(valueOf(shaped, config))),
    legend: [
      { heading: colours.factor.label, entries: colours.entries.map((entry) => ({ mark: "dot", ...entry })) },
      {
        heading: shaped.label,
        entries: values.slice(0, SHAPES.length).map((value, i) => ({
          mark: shapeAt(i),
          colour: COLOUR.muted,
          text: i === last && values.length > SHAPES.length ? `${value} or more` : `${value}`,
        })),
      },
      ...(hasBaselines(table, rows)
        ? [{ entries: [baselineEntry("baselines (named where space allows)", "dot")] }]
        : []),
      ...(rows.some(({ control }) => control)
        ? [{ entries: [{ mark: "outline" as const, colour: COLOUR.muted, text: "hollow: a control" }] }]
        : []),
    ],
  };
}

/** A size in words: `2 layers`; with its label where the table has no word for what it counts. */
export function sizeInWords(factor: IntegerFactor, value: number): string {
  return factor.unit ? phraseOf(factor, value)! : `${factor.label} ${value}`;
}
