/** What a picture of a report is: its name, its words, and how it is drawn from a report's data. */
import type { FactorTable } from "../../cells/factor.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import type { Level } from "../data/levels.ts";
import type { LossFilter } from "../data/loss_filter.ts";
import type { Table } from "../data/table.ts";
import type { MergedRow } from "../data/merged.ts";
import type { DynamicsAnswers } from "../statistics/dynamics_effects.ts";
import type { Effects } from "../statistics/effects.ts";
import type { PromotionAudit } from "../statistics/promotion_audit.ts";
import type { StudyComparison } from "../statistics/study_comparison.ts";
import type { Comparisons } from "../tables/questions.ts";
import type { FigureOptions, SvgDocument } from "./svg.ts";

/** A picture to show: its file name without an ending, what it shows, and its SVG. */
export interface Picture {
  name: string;
  caption: string;
  readonly svg: string;
  /** What it shows as a table, a row for each thing that is drawn; made when it is asked for. */
  readonly data: () => Table;
  /** Of a picture of dynamics: how to read it, and what it does not show. */
  notes?: readonly string[];
}

/** What pictures are drawn from. */
export interface PictureData {
  experiment: Experiment;
  /** At least one configuration, best first. */
  rows: readonly MergedRow[];
  effects: Effects;
  /** What experiment 01's filtered picture shows. */
  filter: LossFilter;
  /** What losses are held against, nats per what the models read. */
  levels?: readonly Level[];
  /** Of an experiment that was chosen by the ranking of another. */
  promotion?: PromotionAudit;
  /** Of cells with each other, and of training settings. */
  comparisons?: Comparisons;
  /** With other studies. */
  studies?: readonly StudyComparison[];
  /** What was measured of the dynamics; pictures of these are of the rows that have them. */
  dynamics?: DynamicsAnswers;
  /** Whose factors are shown. */
  table?: FactorTable;
}

/** How a picture is named, described and drawn. */
export interface PictureKind {
  /** File name without its ending; undefined where the experiment has no such picture. */
  name(data: PictureData): string | undefined;
  title(data: PictureData): string;
  caption(data: PictureData): string;
  /** First line under the title; {@linkcode subtitleOf} where absent. */
  subtitle?(data: PictureData): string;
  /** See {@linkcode Picture.notes}. */
  notes?(data: PictureData): readonly string[];
  /** What it shows: a row for each thing that is drawn, with what tells of which runs it is; computed as the drawing has it. */
  data(data: Required<Pick<PictureData, "table">> & PictureData): Table;
  draw(document: SvgDocument, data: PictureData, options: FigureOptions): string;
}

/** How an experiment's pictures begin. */
const PREFIX: Readonly<Record<Experiment, string>> = { "01": "results_01_all", "02": "results_02_big" };

/** The name of a picture that both experiments have. */
export const everywhere = (suffix: string) => ({ experiment }: PictureData) => PREFIX[experiment] + suffix;
/** A name in experiment 01; none in 02. */
export const onlyIn01 = (name: (data: PictureData) => string) => (data: PictureData) =>
  data.experiment === "01" ? name(data) : undefined;
