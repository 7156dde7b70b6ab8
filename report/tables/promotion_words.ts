/** In plain words: whether short runs predict long ones. */
import { extentOf } from "../../cells/extremes.ts";
import { commandOn } from "../../experiments/study/commands.ts";
import type { Study } from "../../experiments/study/store.ts";
import { type AuditPoint, FEWEST_CONTROLS, type PromotionAudit, type Regret } from "../statistics/promotion_audit.ts";
import { counted, formatCount } from "../../cells/counts.ts";
import { criterionAxis } from "./criterion_words.ts";
import { formatLoss, formatSpread, formatTau } from "./format.ts";

export const PROMOTION_HEADING = "Do short runs predict long ones?";

/**
 * What is said, from the most to the least important; paragraphs.
 *
 * @param study what commands in them name: the study itself in a terminal, `ANY_STUDY` on pages
 */
export function promotionWords(audit: PromotionAudit, study: Pick<Study, "dir">): string[] {
  const { controls, promoted, rest, regret, steps } = audit;
  if (!controls.listed) {
    return [
      "Cannot be answered: experiment 02 trains no configuration that the short ranking did not promote. " +
      `${drawControls(study)} draws some at random as controls.`,
    ];
  }
  const known =
    `Trained in both experiments unchanged: ${promoted.trained} of ${formatCount(promoted.population)} promoted ` +
    `configurations and ${rest.trained} of ${counted(controls.listed, "control")}, drawn at random from the ` +
    `${formatCount(rest.population)} that were not promoted${failures(audit)}; ${
      formatCount(steps.short)
    } steps in experiment 01, ` +
    `${formatCount(steps.long)} in 02. ${measuredWords(audit, study)} ${seedsIn(audit)}`;
  if (!regret) return [`Cannot be answered yet: a promoted configuration and a control are needed. ${known}`];
  return [regretWords(regret, audit), agreementWords(audit, study), known];
}

/** {@linkcode promotionWords} as plain text. */
export function promotionText(audit: PromotionAudit, study: Pick<Study, "dir">): string {
  return [PROMOTION_HEADING, ...promotionWords(audit, study).map((line) => `  - ${line}`)].join("\n");
}

/** What both experiments are compared by, and who lacks it. */
function measuredWords(
  { criterion, isValidated, every, unmeasured }: PromotionAudit,
  study: Pick<Study, "dir">,
): string {
  const left = unmeasured
    ? `, which ${counted(unmeasured, "configuration")} trained in both ${unmeasured === 1 ? "lacks" : "lack"}`
    : "";
  if (criterion !== "min loss") return `Compared by the score on the validation split${left}.`;
  const commands = (["01", "02"] as const).map((experiment) =>
    commandOn("evaluate", study, experiment, { again: true })
  );
  const why = isValidated
    ? `since some runs have no score on the validation split: ${commands.join(" and ")} add it`
    : "since the validation split is too short to be scored";
  return `Compared by the lowest training loss of those logged ${loggedAt(every)}${left}, ${why}.`;
}

/** At which steps losses were logged that are compared. */
export function loggedAt({ short, long }: PromotionAudit["every"]): string {
  const each = (steps: number) => `every ${counted(steps, "step")}`;
  return short === long
    ? `${each(short)} in both experiments`
    : `${each(short)} in experiment 01 and ${each(long)} in 02`;
}

function regretWords(
  { value, promoted, control, better, most }: Regret,
  { rest, reads, criterion }: PromotionAudit,
): string {
  const { unit } = criterionAxis(criterion, reads);
  const named = ({ name, label, long }: AuditPoint) => `${name} (${label}), at ${formatSpread(long)} ${unit}`;
  const best = `the best promoted configuration, not widened, ${named(promoted)}`;
  const found = better
    ? `${formatLoss(value)} ${unit}. The control ${named(control)}, ended lower than ${best}; ` +
      `${better} of ${counted(rest.trained, "control")} did.`
    : `none found. ${
      rest.trained === 1 ? "The one control did not end" : `None of the ${rest.trained} controls ended`
    } lower than ${best}; the best control is ${named(control)}.`;
  const share = `${formatCount(most)} of the ${formatCount(rest.population)} that were not promoted (${
    Math.round(100 * most / rest.population)
  } %)`;
  return `Regret of the top 10 %: ${found} With 95 % confidence at most ${share} would have ended lower.`;
}

/** What draws as many controls as are needed. */
function drawControls(study: Pick<Study, "dir">): string {
  return commandOn("init", study, "02", { controls: FEWEST_CONTROLS });
}

function agreementWords(
  { tau, interval, steps, rest, promoted }: PromotionAudit,
  study: Pick<Study, "dir">,
): string {
  if (tau === undefined) {
    return rest.trained < FEWEST_CONTROLS
      ? `${counted(rest.trained, "control")} cannot show how well the two rankings agree: ` +
        `that takes ${FEWEST_CONTROLS} (${drawControls(study)}, then train).`
      : "Cannot tell how well the two rankings agree: all values of one experiment are equal.";
  }
  const sure = interval ? `95 % interval ${formatTau(interval.low)} to ${formatTau(interval.high)}` : "no interval";
  return `Over all ${
    formatCount(promoted.population + rest.population)
  } configurations of experiment 01, the ranking after ` +
    `${formatCount(steps.short)} steps and that after ${formatCount(steps.long)} agree with Kendall's τ-b of ` +
    `${
      formatTau(tau)
    } (${sure}; 1 is the same order, 0 no relation, −1 the reverse). Controls are weighted to stand for all configurations they were ` +
    "drawn from; promoted ones alone would be biased, since the short ranking chose them.";
}

function failures({ controls: { failed } }: PromotionAudit): string {
  return failed ? ` (${counted(failed, "control")} failed in experiment 02)` : "";
}

function seedsIn({ points }: PromotionAudit): string {
  const counts = points.flatMap(({ short, long }) => [short.count, long.count]);
  const [least, most] = extentOf(counts);
  if (!counts.length || most === 1) {
    return "One seed each: seed noise is unknown, and is part of every difference here.";
  }
  return `Numbers are means over ${least === most ? `${most}` : `${least} to ${most}`} seeds.`;
}
