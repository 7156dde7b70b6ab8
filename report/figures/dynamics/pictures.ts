/** The pictures of dynamics, in the order in which the page has them: names, words, and what each needs. */
import type { SwitchFactor } from "../../../cells/factor.ts";
import { GATED } from "../../../cells/factors.ts";
import { LARGEST_EXPONENT } from "../../../experiments/study/dynamics_metrics.ts";
import type { RunDynamics } from "../../../experiments/study/dynamics_file.ts";
import type { MergedRow } from "../../data/merged.ts";
import { tokensTried } from "../../data/fixed_points.ts";
import { meanGates } from "../../data/gates.ts";
import { meanRecall } from "../../data/recall.ts";
import { measuredRows } from "../../data/seed_estimates.ts";
import { meanSpectrum } from "../../data/spectrum.ts";
import type { DynamicsEffect } from "../../statistics/dynamics_effects.ts";
import type { Table } from "../../data/table.ts";
import { wordsIn } from "../../tables/dynamics_text.ts";
import { contrastWords } from "../../tables/factor_words.ts";
import type { FigureOptions, SvgDocument } from "../svg.ts";
import { everywhere, onlyIn01, type PictureData, type PictureKind } from "../picture_kind.ts";
import { dimensionData, figureDimension } from "./dimension.ts";
import { dynamicsEffectsData, figureDynamicsEffects, shownEffects } from "./effects.ts";
import { figureFixedPoints, fixedPointsData } from "./fixed_points.ts";
import { figureForgetting, forgettingData } from "./forgetting.ts";
import { figureGates, gatesData } from "./gates.ts";
import { figureRecall, recallData } from "./recall.ts";
import { figureSpectra, spectraData } from "./spectra.ts";
import { figureSwitches, switchEffects, switchesData } from "./switches.ts";
import { figureTruncation, hasGradients, truncationData } from "./truncation.ts";
import { measuredText } from "./words.ts";

/** What a picture of one measure is told. Its words are written for models that read bytes: see {@linkcode wordsIn}. */
interface DynamicsKind {
  /** What of a run it shows. */
  readonly of: (dynamics: RunDynamics) => unknown;
  /** Behind `_dynamics` in the file's name. */
  readonly suffix: string;
  readonly title: string;
  readonly caption: string;
  /** How to read it, and what it does not show. */
  readonly notes: readonly string[];
  /** Whether the picture has an axis of scores. */
  readonly scored?: true;
  /** Whether there is something to draw beside the rows; absent: there is. */
  readonly isDrawn?: (data: PictureData) => boolean;
  /** @param rows those with a score where the picture is of scores, else all: ranks are among them */
  draw(document: SvgDocument, rows: readonly MergedRow[], data: PictureData, options: FigureOptions): string;
  /** What it shows. @param rows as of `draw` */
  data(rows: readonly MergedRow[], data: Parameters<PictureKind["data"]>[0]): Table;
}

/** The effects of a metric; none where it was not measured. */
function effectsOn({ dynamics }: PictureData, key: string): readonly DynamicsEffect[] {
  return dynamics?.effects.find(({ metric }) => metric.key === key)?.effects ?? [];
}

/** The switch that changes a metric most. */
function strongest(data: PictureData, key: string): SwitchFactor | undefined {
  return switchEffects(effectsOn(data, key))[0]?.factor;
}

const SAME_TEXT = "All models read the same part of one text; another text may give other numbers.";

const KINDS: readonly DynamicsKind[] = [
  {
    of: ({ lyapunov }) => lyapunov,
    suffix: "",
    title: "Memory length against the score",
    caption:
      "The largest Lyapunov exponent λ₁ and the forgetting time −1/λ₁ of each configuration, against its test score.",
    notes: [
      "To read: right is longer memory, down is better; if the points fall to the right, models with longer memory also predict better.",
      `Not shown: what is remembered, and whether longer memory causes the better score; the same parts of a cell may change both. ${SAME_TEXT}`,
    ],
    scored: true,
    data: (rows, { table }) => forgettingData(rows, table),
    draw: (document, rows, data, options) =>
      figureForgetting(document, rows, {
        ...options,
        table: data.table,
        by: strongest(data, LARGEST_EXPONENT.key),
      }),
  },
  {
    of: ({ lyapunov }) => lyapunov,
    suffix: "_switches",
    title: "Which switches lengthen memory",
    caption: "Forgetting time against the test score, one panel per switch, coloured by whether it is off or on.",
    notes: [
      "To read: if the vertical lines differ, the switch changes how long a state remembers; both numbers are above each panel.",
      "Not shown: on which other factors that depends (†); the text on memory states it for the largest effects.",
    ],
    scored: true,
    isDrawn: (data) => data.experiment === "01" && switchEffects(effectsOn(data, LARGEST_EXPONENT.key)).length > 0,
    data: (rows, data) => switchesData(rows, effectsOn(data, LARGEST_EXPONENT.key), data.table),
    draw: (document, rows, data, options) =>
      figureSwitches(document, rows, effectsOn(data, LARGEST_EXPONENT.key), { ...options, table: data.table }),
  },
  {
    of: ({ lyapunov }) => lyapunov,
    suffix: "_spectra",
    title: "How fast each direction of the state is forgotten",
    caption: "The Lyapunov spectra of the ten best configurations, and of the best of each other cell.",
    notes: [
      "To read: a line that stays near 0 has many slowly forgotten directions; one that falls steeply has few.",
      "Not shown: which of these directions the model uses to predict.",
    ],
    isDrawn: ({ rows }) => rows.some((row) => meanSpectrum(row).length > 0),
    data: (rows, { table }) => spectraData(rows, table),
    draw: (document, rows, { table }, options) => figureSpectra(document, rows, options, table),
  },
  {
    of: ({ byte_recall }) => byte_recall,
    suffix: "_recall",
    title: "How far back the state encodes the input",
    caption: "Bits that a linear readout of the state recovers about the byte read at each lag.",
    notes: [
      "To read: the height at lag k is the information about the byte k steps back that can be decoded from the state; the dashed line is the maximum.",
      "Not shown: what only a nonlinear readout would find, and whether the model uses the information.",
    ],
    isDrawn: ({ rows }) => rows.some((row) => meanRecall(row).length > 0),
    data: (rows, { table }) => recallData(rows, table),
    draw: (document, rows, { table }, options) => figureRecall(document, rows, options, table),
  },
  {
    of: ({ gates }) => gates,
    suffix: "_gates",
    title: "Saturation of each gate",
    caption: "The shares of units and bytes at which each gate is closed, in between, and open, by layer.",
    notes: [
      "To read: a blue and orange bar is a gate that opens and closes; a grey one is rarely saturated.",
      "Not shown: which units and which bytes these are.",
    ],
    isDrawn: ({ rows }) => rows.some((row) => meanGates(row).length > 0),
    data: (rows, { table }) => gatesData(rows, table),
    draw: (document, rows, { table }, options) => figureGates(document, rows, options, table),
  },
  {
    of: ({ fixed_points }) => fixed_points,
    suffix: "_fixed_points",
    title: "Fixed points of the state under one repeated byte",
    caption: "Fixed points found for each of the most frequent bytes, and where the starts of Newton's method ended.",
    notes: [
      "To read: one stable point (all blue, 1) means that repeating the byte erases what came before; several mean that some of it is kept.",
      "Not shown: points that no start reached. No text repeats a byte so often, so these describe the model, not how it reads a text.",
    ],
    isDrawn: ({ rows }) => tokensTried(rows).length > 0,
    data: (rows, { table }) => fixedPointsData(rows, table),
    draw: (document, rows, { table }, options) => figureFixedPoints(document, rows, options, table),
  },
  {
    of: ({ participation_ratio }) => participation_ratio,
    suffix: "_dimension",
    title: "Effective dimension of the state",
    caption:
      "The participation ratio of each configuration, absolute and relative to the number of state variables, against its test score.",
    notes: [
      "To read: right is more dimensions in use, down is better; 100 % means that all state variables vary equally and independently.",
      "Not shown: dimensions of small variance, which a model may still use; the ratio also depends on the scale of single state variables.",
    ],
    scored: true,
    data: (rows, { table }) => dimensionData(rows, table),
    draw: (document, rows, data, options) =>
      figureDimension(document, rows, { ...options, table: data.table, by: strongest(data, "participation_ratio") }),
  },
  {
    of: ({ truncation_gap }) => truncation_gap,
    suffix: "_truncation",
    title: "Truncated gradients against longer ones",
    caption: "Cosine and norm ratio of trained models' mean gradients through one step and through several.",
    notes: [
      "To read: at 1 truncation changes nothing; a low cosine means that training with more steps would move the weights in another direction.",
      "Not shown: the result of such a training. Mean gradients are small at the end of training, so both numbers are less certain.",
    ],
    isDrawn: ({ rows }) => rows.some(hasGradients),
    data: (rows, { table }) => truncationData(rows, table),
    draw: (document, rows, { table }, options) => figureTruncation(document, rows, options, table),
  },
];

const EFFECTS: PictureKind = {
  name: (data) =>
    data.dynamics && shownEffects(data.dynamics).length ? onlyIn01(everywhere("_dynamics_effects"))(data) : undefined,
  title: ({ dynamics }) => `Effect of each ${contrastWords(dynamics!.effects[0].effects).noun[0]} on the dynamics`,
  caption: () => "Effect of each on memory, recall, dimensions and gradients, over pairs that are otherwise identical.",
  notes: () => [
    "To read: right of zero, the named value has the higher measure; if the line excludes zero, the effect holds for other configurations like these too.",
    `Not shown: the other measures, which are in the table. ${SAME_TEXT}`,
  ],
  subtitle: ({ rows, table }) => measuredText(measuredRows(rows), table),
  data: ({ dynamics }) => dynamicsEffectsData(dynamics!),
  draw: (document, { dynamics }, options) => figureDynamicsEffects(document, dynamics!, options),
};

function kindOf({ of, suffix, scored, isDrawn = () => true, ...kind }: DynamicsKind): PictureKind {
  const shownIn = ({ rows }: PictureData) =>
    measuredRows(rows, of).filter(({ test_bits_per_byte }) => !scored || test_bits_per_byte);
  return {
    name: (data) => shownIn(data).length && isDrawn(data) ? everywhere(`_dynamics${suffix}`)(data) : undefined,
    title: ({ rows: [{ reads }] }) => wordsIn(reads, kind.title),
    caption: ({ rows: [{ reads }] }) => wordsIn(reads, kind.caption),
    notes: ({ rows: [{ reads }] }) => kind.notes.map((note) => wordsIn(reads, note)),
    subtitle: (data) => measuredText(shownIn(data), data.table),
    data: (data) => kind.data(scored ? shownIn(data) : data.rows, data),
    draw: (document, data, options) =>
      kind.draw(document, scored ? shownIn(data) : data.rows, { table: GATED, ...data }, options),
  };
}

/** All of them; a study without dynamics has none. */
export const DYNAMICS_PICTURES: readonly PictureKind[] = [...KINDS.map(kindOf), EFFECTS];
