/** A panel of a forest plot: a row for each effect with its mean, its interval and its single seeds, and columns of text beside it. */
import * as Plot from "@observablehq/plot";
import { extentOf } from "../../cells/extremes.ts";
import type { FactorContrast } from "../statistics/matched.ts";
import type { PairMean } from "../statistics/pair_means.ts";
import { formatInterval, pairsBySeeds } from "../tables/effect_tables.ts";
import { formatDifference, formatP, NONE } from "../tables/format.ts";
import { composeFigure, type Frame, panel, panelArea, type SvgDocument, type SvgElement } from "./svg.ts";
import { fitTogether, scaledToFit, shortened, widest } from "./text.ts";
import { columnHeading } from "./text_columns.ts";
import { COLOUR, SIZE } from "./theme.ts";

/** What numbers are of. */
export interface Measured {
  /** The measure's column in the table of runs. */
  readonly measure: string;
  /** Undefined: a share or a plain number. */
  readonly unit: string | undefined;
}

/** What a row is of. */
export interface ForestSubject extends Measured {
  /** What its dot is, in a word or two: `effect`, `random weights`. */
  readonly shown: string;
  /** Absent where no factor is compared. */
  readonly contrast?: FactorContrast;
  /** The value of another factor that the effect is at. */
  readonly at?: string;
  /** The other study, where there is one. */
  readonly study?: string;
}

/** One row. */
export interface ForestRow {
  readonly subject: ForestSubject;
  /** What is compared, to the left of the plot; lines end with `\n`. */
  readonly label: string;
  /** Name of the rows from this one on, to the left of their labels. */
  readonly group?: string;
  readonly effect: PairMean;
  /** Of the marks. */
  readonly colour: string;
  /** Whether it stands apart: its texts are muted, its dot is a ring. */
  readonly isAside?: boolean;
  /** Its p, corrected for the number of effects; undefined where it is not tested. */
  readonly p_holm?: number;
  /** A line of small text under its numbers. */
  readonly note?: string;
  /** What stands in the place of numbers where there are none. */
  readonly none: string;
}

/** A panel of rows, from the top. */
export interface Forest {
  readonly rows: readonly ForestRow[];
  readonly title: string;
  /** Label of the axis. */
  readonly axis: string;
  /** Heading of the labels; none where they need none. */
  readonly labelled?: string;
  /** Heading of the column of differences: `on − off`. */
  readonly difference: string;
  /** Whether there is a column of corrected p. */
  readonly isTested: boolean;
  /** Between two rows, in pixels. */
  readonly rowHeight: number;
}

/** Where a panel stands, in pixels from the picture's top. */
interface Extent {
  readonly top: number;
  readonly height: number;
}

const INSET = { top: 62, bottom: 62 } as const;
const WIDTH = SIZE.width - 2 * SIZE.margin;
/** Room for the rows' labels, with a gap to the plot: what usual labels need, and what is left for the plot's sake. */
const LABELS = { least: 118, most: 250, gap: 10 } as const;
/** Room for names of groups, and the gap between these and labels. */
const GROUPS = { most: 170, gap: 22 } as const;
/** So much of its size lies between the middle of a text's first line and its top. */
const TOP = 0.39;
/** Between columns, and the most that all of them take. */
const COLUMNS = { gap: 22, most: 480 } as const;
const SIZE_OF_NOTE = 12, SIZE_OF_HEADING = 13;
/** Between two ticks of the axis, in pixels. */
const ROOM_OF_TICK = 70;
/** A group of rows is set off by so much of a row, and a row with a note from the one below it. */
const GROUP_GAP = 0.6, NOTE_GAP = 0.22;
/** Between two panels, in pixels. */
const PANEL_GAP = 26;

/** Height of a panel with its axis, in pixels. */
function forestHeight({ rows, rowHeight }: Pick<Forest, "rows" | "rowHeight">): number {
  return INSET.top + placesOf(rows).end * rowHeight + INSET.bottom;
}

/** The middle of each row, in rows from the top, and where the last one ends. */
function placesOf(rows: readonly ForestRow[]): { middles: number[]; end: number } {
  let end = 0;
  const middles = rows.map(({ group, note }, i) => {
    const middle = end + (group !== undefined && i ? GROUP_GAP : 0) + 0.5;
    end = middle + 0.5 + (note ? NOTE_GAP : 0);
    return middle;
  });
  return { middles, end: Math.max(end, 1) };
}

/** A row with all that is drawn of it. */
interface PlacedRow extends ForestRow {
  readonly y: number;
  readonly label: string;
}

/** A picture of panels, one below the other. @returns the SVG's text */
export function composeForests(document: SvgDocument, frame: Frame, forests: readonly Forest[]): string {
  const { top: start } = panelArea(frame);
  let top = start;
  const panels = forests.map((forest) => {
    const height = forestHeight(forest), drawn = drawForest(document, forest, { top, height });
    top += height + PANEL_GAP;
    return drawn;
  });
  return composeFigure(document, frame, panels, top - start - 24);
}

/** Draws the panel, as wide as the picture. */
function drawForest(document: SvgDocument, forest: Forest, { top, height }: Extent): SvgElement {
  const { rows, title, axis } = forest, { middles, end } = placesOf(rows);
  const labels = labelsOf(forest), columns = columnsOf(forest), domain = forestDomain(rows);
  const placed = rows.map((row, i): PlacedRow => ({ ...row, y: middles[i], label: labels.texts[i] }));
  const known = placed.filter(({ effect }) => effect.difference !== undefined);
  const ticks = Math.min(6, (WIDTH - labels.room - columns.room) / ROOM_OF_TICK);
  return panel(document, [SIZE.margin, top], {
    width: WIDTH,
    height,
    marginLeft: labels.room,
    marginRight: columns.room,
    marginTop: INSET.top,
    marginBottom: INSET.bottom,
    x: { domain, label: null },
    y: { domain: [0, end], reverse: true, axis: null },
    marks: [
      Plot.gridX({ ticks, stroke: COLOUR.grid, strokeOpacity: 1 }),
      Plot.axisX({ ticks, tickSize: 5, label: null, tickFormat: axisNumber }),
      Plot.ruleX([0], { stroke: COLOUR.text, strokeWidth: 1.2 }),
      ...labelMarks(placed, labels),
      ...effectMarks(known, domain),
      ...columnMarks(placed, columns),
      Plot.text([title], {
        frameAnchor: "top-left",
        dx: -labels.room,
        dy: -50,
        fontSize: SIZE.text,
        fontWeight: "bold",
      }),
      Plot.text([axis], { frameAnchor: "bottom", dy: 44, fontSize: SIZE.tick }),
    ],
  });
}

/** What rows and groups are called, and the room that both take. */
interface Labels {
  readonly texts: readonly string[];
  readonly groups: readonly string[];
  /** Of labels, of groups. */
  readonly sizes: readonly [number, number];
  /** Of labels and groups together. */
  readonly room: number;
  readonly heading: string | undefined;
}

function labelsOf({ rows, labelled }: Forest): Labels {
  const names = rows.map(({ label }) => label), most = LABELS.most - LABELS.gap;
  const size = scaledToFit(widest(names, SIZE.text), most, SIZE.text);
  const groups = fitTogether(rows.flatMap(({ group }) => group ?? []), GROUPS.most, SIZE.text, { lines: 2 });
  const beside = groups.texts.length ? widest(groups.texts, groups.size) + GROUPS.gap : 0;
  const own = Math.max(widest(names, size), widest(labelled ? [labelled] : [], SIZE_OF_HEADING));
  return {
    texts: names.map((name) => shortened(name, most, size)),
    groups: groups.texts,
    sizes: [size, groups.size],
    room: Math.max(LABELS.least, Math.min(own, most) + beside + LABELS.gap),
    heading: labelled,
  };
}

function labelMarks(
  rows: readonly PlacedRow[],
  { groups, sizes: [size, groupSize], room, heading }: Labels,
): Plot.Markish[] {
  const first = rows.filter(({ group }) => group !== undefined);
  return [
    ...[true, false].map((isAside) =>
      Plot.text(rows.filter((row) => (row.isAside ?? false) === isAside), {
        y: "y",
        text: "label",
        frameAnchor: "left",
        textAnchor: "end",
        dx: -LABELS.gap,
        fontSize: size,
        fill: isAside ? COLOUR.muted : COLOUR.text,
      })
    ),
    // A second line stands beside the second row.
    Plot.text(first, {
      y: "y",
      text: (_: PlacedRow, i: number) => groups[i],
      frameAnchor: "left",
      textAnchor: "start",
      lineAnchor: "top",
      dx: -room,
      dy: -TOP * groupSize,
      fontSize: groupSize,
    }),
    ...(heading === undefined ? [] : [
      Plot.text([heading], {
        frameAnchor: "top-left",
        textAnchor: "end",
        dx: -LABELS.gap,
        dy: -20,
        fill: COLOUR.muted,
        fontSize: SIZE_OF_HEADING,
      }),
    ]),
  ];
}

/** So many times the span of means and single seeds are shown on either side: a wider interval would press them together. */
const REACH = 1.5;

/** Zero, all means, all single seeds, and of the intervals what leaves these apart. Without any effect, a range that shows where zero is. */
export function forestDomain(rows: readonly Pick<ForestRow, "effect">[]): [number, number] {
  const points = rows.flatMap(({ effect: { difference, by_seed } }) =>
    difference === undefined ? [] : [difference, ...by_seed.map(({ difference }) => difference)]
  );
  const ends = rows.flatMap(({ effect: { interval } }) => interval ? [interval.low, interval.high] : []);
  const [low, high] = extentOf([0, ...points]), [least, most] = extentOf([low, high, ...ends]);
  const reach = high > low ? REACH * (high - low) : Infinity;
  const from = Math.max(least, low - reach), to = Math.min(most, high + reach);
  const pad = 0.06 * (to - from) || 0.1;
  return [from - pad, to + pad];
}

/** Whether an interval goes on beyond the picture. */
export function isCut(rows: readonly Pick<ForestRow, "effect">[]): boolean {
  const [low, high] = forestDomain(rows);
  return rows.some(({ effect: { interval } }) => interval && (interval.low < low || interval.high > high));
}

function effectMarks(rows: readonly PlacedRow[], [low, high]: readonly [number, number]): Plot.Markish[] {
  const sure = rows.filter(({ effect }) => effect.interval);
  const seeds = rows.filter(({ effect }) => effect.seeds.length > 1)
    .flatMap((row) => row.effect.by_seed.map(({ difference }) => ({ ...row, difference })));
  // Where the arrows of longer intervals stand: within the panel.
  const inset = 0.025 * (high - low), [first, last] = [low + inset, high - inset];
  const cut = sure.flatMap((row) => [
    ...(row.effect.interval!.low < low ? [{ ...row, x: first, rotate: -90 }] : []),
    ...(row.effect.interval!.high > high ? [{ ...row, x: last, rotate: 90 }] : []),
  ]);
  const at = { y: "y", stroke: "colour" } as const;
  return [
    Plot.ruleY(sure, {
      ...at,
      x1: ({ effect: { interval } }: PlacedRow) => interval!.low < low ? first : interval!.low,
      x2: ({ effect: { interval } }: PlacedRow) => interval!.high > high ? last : interval!.high,
      strokeWidth: 3,
    }),
    Plot.dot(cut, { ...at, x: "x", rotate: "rotate", symbol: "triangle", r: 4.5, fill: "colour" }),
    Plot.dot(seeds, { y: "y", x: "difference", dy: 8, r: 2, fill: "colour" }),
    Plot.dot(rows, {
      ...at,
      x: ({ effect }: PlacedRow) => effect.difference,
      r: 4.2,
      fill: ({ isAside, colour }: PlacedRow) => isAside ? COLOUR.background : colour,
    }),
  ];
}

/** The texts of one column, one for each row. */
interface Column {
  readonly heading: string;
  readonly texts: readonly string[];
  /** Where they end, in pixels to the right of the plot. */
  readonly right: number;
}

interface Columns {
  readonly columns: readonly Column[];
  readonly notes: readonly string[];
  readonly size: { readonly text: number; readonly heading: number; readonly note: number };
  readonly room: number;
}

function columnsOf({ rows, difference, isTested }: Forest): Columns {
  const all = rows.map(({ effect, p_holm }) => ({ ...effect, p_holm })), isSure = all.some(({ interval }) => interval);
  const column = (heading: string, text: (row: typeof all[number]) => string) => ({
    heading,
    texts: all.map((row) => row.difference === undefined ? "" : text(row)),
  });
  const texts = [
    column(difference, ({ difference }) => formatDifference(difference!)),
    ...(isSure ? [column("95 % interval", ({ interval }) => interval ? formatInterval(interval) : NONE)] : []),
    ...(isSure && isTested
      ? [column("corrected p", ({ p_holm }) => p_holm === undefined ? NONE : formatP(p_holm))]
      : []),
    column("pairs × seeds", pairsBySeeds),
  ];
  const needed = texts.map(({ heading, texts }) =>
    Math.max(widest(texts, SIZE.tick), widest([heading], SIZE_OF_HEADING)) + COLUMNS.gap
  );
  const wanted = needed.reduce((sum, width) => sum + width, 0), share = Math.min(1, COLUMNS.most / wanted);
  const size = { text: scaledToFit(1, share, SIZE.tick), heading: scaledToFit(1, share, SIZE_OF_HEADING) };
  const notes = rows.map(({ note = "" }) => note),
    nones = rows.map(({ effect, none }) => effect.difference === undefined ? none : "");
  const beside = Math.max(widest(notes, SIZE_OF_NOTE), widest(nones, SIZE.tick)) + COLUMNS.gap;
  const room = Math.min(Math.max(share * wanted, beside), COLUMNS.most);
  const note = scaledToFit(widest(notes, SIZE_OF_NOTE), room - COLUMNS.gap, SIZE_OF_NOTE);
  let right = room - share * wanted;
  return {
    columns: texts.map(({ heading, texts }, i) => {
      const width = share * needed[i];
      right += width;
      return { heading, texts: texts.map((text) => shortened(text, width - 4, size.text)), right };
    }),
    notes: notes.map((text) => shortened(text, room - COLUMNS.gap, note)),
    size: { ...size, note },
    room,
  };
}

/** Numbers stand in the middle of a row, or above its note. */
const ABOVE_NOTE = -7, NOTE = 10;

function columnMarks(rows: readonly PlacedRow[], { columns, notes, size, room }: Columns): Plot.Markish[] {
  const numbered = rows.map((row, i) => ({ ...row, texts: columns.map(({ texts }) => texts[i]), note: notes[i] }));
  const known = numbered.filter(({ effect }) => effect.difference !== undefined);
  const end = { y: "y", frameAnchor: "right", textAnchor: "end" } as const;
  const groups = [[true, true], [true, false], [false, true], [false, false]].map(([isAside, isNoted]) => ({
    rows: known.filter((row) => (row.isAside ?? false) === isAside && (row.note !== "") === isNoted),
    fill: isAside ? COLOUR.muted : COLOUR.text,
    dy: isNoted ? ABOVE_NOTE : 0,
  }));
  return [
    ...columns.flatMap(({ heading, right }, k) => [
      ...groups.map(({ rows, fill, dy }) =>
        Plot.text(rows, { ...end, dx: right, dy, fill, fontSize: size.text, text: ({ texts }) => texts[k] })
      ),
      columnHeading(heading, right, { size: size.heading, above: 20 }),
    ]),
    Plot.text(known, { ...end, dx: room, dy: NOTE, text: "note", fill: COLOUR.muted, fontSize: size.note }),
    Plot.text(numbered.filter(({ effect }) => effect.difference === undefined), {
      ...end,
      dx: room,
      text: ({ none }: PlacedRow) => shortened(none, room - COLUMNS.gap, SIZE.tick),
      fill: COLOUR.muted,
    }),
  ];
}

/** As few decimals as there are, with a true minus sign. */
function axisNumber(value: number): string {
  return `${Number(value.toPrecision(6))}`.replace("-", "−");
}
