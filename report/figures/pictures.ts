/** All pictures of a report: what each is called, says and shows, in the order in which the page has them. */
import { ownCellName } from "../data/cell_names.ts";
import { bestData, figureBest } from "./best.ts";
import { hasBaselines } from "./baselines.ts";
import { cellsData, figureCells } from "./cells.ts";
import { costData, figureCost } from "./cost.ts";
import { DYNAMICS_PICTURES } from "./dynamics/pictures.ts";
import { effectsData, figureEffects } from "./effects.ts";
import { hyperparametersData } from "./hyperparameter_data.ts";
import { figureHyperparameters } from "./hyperparameters.ts";
import { figureInteractions, interactionsData } from "./interactions.ts";
import { figureParallel, parallelData } from "./parallel.ts";
import { figurePromotion, promotionData } from "./promotion.ts";
import { figureStepsBack, stepsBackData } from "./steps_back.ts";
import { figureStudies, studiesData } from "./studies.ts";
import { figureTest, testData } from "./test_loss.ts";
import { figureShares, sharesData } from "./shares.ts";
import { comparedAtSeveral } from "../statistics/training_effects.ts";
import { figureTrainingEffects, trainingEffectsData } from "./training_effects.ts";
import { figureTrainingRuns, trainingRunsData } from "./training_runs.ts";
import { GATED } from "../../cells/factors.ts";
import { cohortsOf } from "../data/baselines.ts";
import { filteredRows } from "../data/loss_filter.ts";
import { countConfigurations, criterionOfRows, type MergedRow } from "../data/merged.ts";
import { type CriterionAxis, criterionAxis } from "../tables/criterion_words.ts";
import { equalIn, STEPS_BACK_PICTURE } from "../tables/steps_back_words.ts";
import { PROMOTION_HEADING } from "../tables/promotion_words.ts";
import { corpusAndSteps, corpusText, finishedRuns, stepsBackRuns } from "../tables/report_words.ts";
import { isTuned } from "../../cells/factor.ts";
import { contrastWords, nounOf as factorNoun } from "../tables/factor_words.ts";
import { everywhere, onlyIn01, type Picture, type PictureData, type PictureKind } from "./picture_kind.ts";
import { namedTable } from "./data_columns.ts";
import { figureDocument } from "./svg.ts";
import { counted, formatCount } from "../../cells/counts.ts";

export type { Picture, PictureData };

/** Pictures of effects, where there are so many. */
const ofEffects = (least: number, suffix: string) => (data: PictureData) =>
  data.effects.min_loss.length < least ? undefined : onlyIn01(everywhere(suffix))(data);

/** What panels by hyperparameter are of: not of baselines. */
function subjects({ rows, table = GATED }: PictureData): MergedRow[] {
  return cohortsOf(table, rows).own;
}

function countFiltered(data: PictureData): number {
  return countConfigurations(filteredRows(subjects(data), data.filter));
}

function configurationsCompared(data: PictureData): string {
  const { rows, table = GATED } = data, kind = hasBaselines(table, rows) ? `${ownCellName(table)} ` : "";
  return counted(countConfigurations(subjects(data)), `${kind}configuration`);
}

/** What the effects are of, one and several. */
function nounOf({ effects }: PictureData): readonly [string, string] {
  return contrastWords(effects.min_loss).noun;
}

/** A picture for each way of training that the study varies. */
function ofTraining({ effects }: PictureData): PictureKind[] {
  return effects.training.map((training): PictureKind => {
    const { factor, factor: { key, label } } = training;
    return {
      name: comparedAtSeveral(training).length ? ofEffects(1, `_effects_by_${key}`) : () => undefined,
      title: (data) => `Effect of each ${nounOf(data)[0]}, by ${label}`,
      caption: (data) =>
        `Effect of each ${nounOf(data)[0]} at each ${factorNoun(factor)}${
          isTuned(factor) ? ", and with each configuration at its best" : ""
        }.`,
      data: ({ effects }) => trainingEffectsData(effects, training),
      draw: (document, { effects }, options) => figureTrainingEffects(document, effects, training, options),
    };
  });
}

/** What the best is chosen by, on an axis. */
function axisOf({ rows }: PictureData): CriterionAxis {
  return criterionAxis(criterionOfRows(rows), rows[0].reads);
}

const PICTURES: readonly (PictureKind | ((data: PictureData) => PictureKind[]))[] = [
  {
    name: ofEffects(1, "_effects"),
    title: (data) => `Effect of each ${nounOf(data)[0]}`,
    caption: (data) => `Effect of each ${nounOf(data)[0]}, over pairs of configurations that are otherwise identical.`,
    data: ({ effects }) => effectsData(effects),
    draw: (document, { effects }, options) => figureEffects(document, effects, options),
  },
  ofTraining,
  {
    name: ofEffects(2, "_interactions"),
    title: (data) => `Which ${nounOf(data)[1]} depend on each other`,
    caption: (data) =>
      `Interaction of each two ${nounOf(data)[1]}: their joint effect minus the sum of their single effects.`,
    data: ({ effects }) => interactionsData(effects),
    draw: (document, { effects }, options) => figureInteractions(document, effects, options),
  },
  {
    name: (data) => data.effects.shares ? onlyIn01(everywhere("_shares"))(data) : undefined,
    title: ({ effects }) => `Variance of the ${effects.primary === "min_loss" ? "losses" : "scores"} by hyperparameter`,
    caption: () =>
      "The share of each hyperparameter in the variance between configurations, alone and in interactions.",
    data: ({ effects }) => sharesData(effects, effects.shares!),
    draw: (document, { effects }, options) => figureShares(document, effects, effects.shares!, options),
  },
  {
    name: (data) => data.comparisons?.baselines ? everywhere("_cells")(data) : undefined,
    title: ({ comparisons, table = GATED }) =>
      `The best ${
        table.isOwnCell((comparisons!.baselines!.equal ?? comparisons!.baselines!.tuned)!.best.config)
          ? `${ownCellName(table)} `
          : ""
      }cell against other cells`,
    caption: () => "The score of each seed of the best configuration and of other cells, and their differences.",
    data: ({ comparisons, table }) => cellsData(comparisons!.baselines!, table),
    draw: (document, { comparisons, table }, options) => figureCells(document, comparisons!.baselines!, options, table),
  },
  {
    name: (data) => data.comparisons?.stepsBack ? everywhere(STEPS_BACK_PICTURE)(data) : undefined,
    title: () => "Effect of more steps back",
    caption: ({ rows: [{ reads }] }) =>
      `Scores and losses against the number of steps back (truncated BPTT), at ${equalIn("bytes", reads)} and at ${
        equalIn("updates", reads)
      }.`,
    subtitle: ({ comparisons, table }) =>
      `${stepsBackRuns(comparisons!.stepsBack!, table)} on ${corpusText(comparisons!.stepsBack!.rows)}.`,
    data: ({ comparisons }) => stepsBackData(comparisons!.stepsBack!),
    draw: (document, { comparisons }, options) => figureStepsBack(document, comparisons!.stepsBack!, options),
  },
  {
    name: (data) => data.studies?.length ? everywhere("_studies")(data) : undefined,
    title: () => "The same configurations in other studies",
    caption: () => "Scores of the same configurations in other studies, and the effect of each switch or factor there.",
    data: ({ studies }) => studiesData(studies!),
    draw: (document, { studies }, options) => figureStudies(document, studies!, options),
  },
  {
    name: (data) => data.promotion?.regret ? everywhere("_promotion")(data) : undefined,
    title: () => PROMOTION_HEADING,
    caption: () => "Results after the short and after the long training, for promoted configurations and controls.",
    subtitle: ({ rows, promotion, table }) => {
      const shown = new Set(promotion!.points.map(({ name }) => name));
      return subtitleOf({ rows: rows.filter(({ name }) => shown.has(name)), table });
    },
    data: ({ promotion, rows, table }) => promotionData(promotion!, rows, table),
    draw: (document, { promotion }, options) => figurePromotion(document, promotion!, options),
  },
  {
    name: everywhere(""),
    title: ({ experiment }) =>
      experiment === "01"
        ? "Training loss of every configuration"
        : "Training loss of the best configurations, wider and deeper",
    caption: () => "Training loss of each configuration over its steps.",
    data: ({ rows }) => trainingRunsData(rows),
    draw: (document, { rows, table }, options) => figureTrainingRuns(document, rows, options, table),
  },
  {
    name: everywhere("_hyperparameters"),
    title: () => "Lowest training loss by hyperparameter",
    caption: () => "The lowest loss of each configuration, by hyperparameter.",
    data: ({ rows, table }) => hyperparametersData(rows, table),
    draw: (document, { rows, effects: { min_loss }, table }, options) =>
      figureHyperparameters(document, rows, { ...options, effects: min_loss }, table),
  },
  {
    name: onlyIn01(({ filter }) => `filtered_results_01_${filter.name}`),
    title: ({ filter }) => `Lowest training loss by hyperparameter, ${filter.title}`,
    caption: (data) => `The same for the ${counted(countFiltered(data), "configuration")} ${data.filter.words}.`,
    subtitle: (data) =>
      `${formatCount(countFiltered(data))} of ${configurationsCompared(data)} ${data.filter.words}, on ${
        corpusAndSteps(data.rows)
      }.`,
    data: ({ rows, filter, table }) => hyperparametersData(rows, table, filter),
    draw: (document, { rows, filter, table }, options) =>
      figureHyperparameters(document, rows, { ...options, filter }, table),
  },
  {
    name: everywhere("_parallel"),
    title: () => "From hyperparameters to loss",
    caption: (data) => `Each configuration as a line through its hyperparameters to its ${axisOf(data).label}.`,
    data: ({ rows, table }) => parallelData(rows, table),
    draw: (document, { rows, table }, options) => figureParallel(document, rows, options, table),
  },
  {
    name: everywhere("_best"),
    title: ({ rows }) => rows.length > 1 ? "Training loss of the best configurations" : "Training loss",
    caption: () => "The training curves of the ten best configurations, with the spread over their seeds.",
    data: ({ rows, table }) => bestData(rows, table),
    draw: (document, { rows, table }, options) => figureBest(document, rows, options, table),
  },
  {
    name: everywhere("_cost"),
    title: () => "What a lower loss costs",
    caption: (data) => `The ${axisOf(data).label} against parameters and training time, with the Pareto fronts.`,
    data: ({ rows, table }) => costData(rows, table),
    draw: (document, { rows, table }, options) => figureCost(document, rows, options, table),
  },
  {
    name: everywhere("_test"),
    title: () => "Test score against training loss",
    caption: () => "The score on the test split against the lowest training loss.",
    data: ({ rows, table }) => testData(rows, table),
    draw: (document, { rows, experiment, table }, options) => figureTest(document, rows, options, experiment, table),
  },
  ...DYNAMICS_PICTURES,
];

/** An experiment's pictures, each drawn when it is looked at. */
export function picturesOf(data: PictureData): Picture[] {
  const document = figureDocument();
  return PICTURES.flatMap((kind) => typeof kind === "function" ? kind(data) : kind).flatMap((kind) => {
    const name = kind.name(data);
    if (name === undefined) return [];
    const options = {
      name,
      title: kind.title(data),
      subtitle: (kind.subtitle ?? subtitleOf)(data),
      levels: data.levels,
    };
    let drawn: string | undefined;
    return [{
      name,
      caption: kind.caption(data),
      get svg() {
        return drawn ??= kind.draw(document, data, options);
      },
      data: () => namedTable(kind.data({ table: GATED, ...data }), name),
      ...(kind.notes ? { notes: kind.notes(data) } : {}),
    }];
  });
}

function subtitleOf({ rows, table }: Pick<PictureData, "rows" | "table">): string {
  return `${finishedRuns(rows, table)} on ${corpusAndSteps(rows)}.`;
}
