/** What a report is drawn from, and the part of it that an expression selects. */
import type { Space } from "../../cells/space.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { dynamicsAmong, type ReadDynamics } from "../../experiments/study/dynamics_among.ts";
import { withListedMarks } from "../../experiments/study/promotion.ts";
import { configOf, type RunResult } from "../../experiments/study/result.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import type { ConfigEntry, ReadResults, Run } from "../../experiments/study/runs.ts";
import type { Experiment } from "../../experiments/study/experiment.ts";
import { selectedResults } from "../../experiments/study/selected_results.ts";
import { selectFrom, type Selection } from "../../experiments/study/selection.ts";
import type { AuditData } from "../statistics/promotion_audit.ts";
import type { Level } from "../data/levels.ts";
import { selectedStudy, type StudyRuns } from "../data/other_studies.ts";

/** All that a report is drawn from. The page carries it, so that it can draw a part of it. */
export interface ReportInput {
  readonly experiment: Experiment;
  readonly results: readonly RunResult[];
  /** One line on each result file that could not be read; those of them that are of a version that is not known; and all by the runs' keys. */
  readonly unreadable: readonly string[];
  readonly unknown_version?: readonly string[];
  readonly damaged?: ReadonlyMap<string, string>;
  /** The study's runs: where they and the results differ is said. Nothing is said of it where absent. */
  readonly runs?: readonly Run[];
  /** Whether the study's runs get a validation score, for which its split may be too short; absent: they do. */
  readonly isValidated?: boolean;
  /** The expression that says which configurations the results are of; absent where they are all. */
  readonly selection?: string;
  /** Threshold of experiment 01's filtered picture, nats per what the models read; absent: see `loss_filter.ts`. */
  readonly below?: number;
  /** What losses are held against, nats per what the models read; nothing where the study has no n-gram baselines. */
  readonly levels?: readonly Level[];
  /** For experiment 02: the ranking that it was chosen by, and its list, which has the last word on who is a control. */
  readonly chosenBy?: Omit<AuditData, "long" | "isValidated">;
  /** What was measured of the runs' dynamics; nothing is said of these where absent. */
  readonly dynamics?: ReadDynamics;
  /** Whose factors stand in the results; the built-in ones where absent. */
  readonly table?: Space;
  /** What the study is compared with. */
  readonly others?: readonly StudyRuns[];
}

/**
 * What a report of some configurations alone is drawn from.
 *
 * @param doing what for, as in `Cannot <doing>: …`
 * @throws {UserError} if there are results, and none of them is meant; or another study has none that is
 */
export function selectedInput(
  input: ReportInput,
  only: Selection | undefined,
  doing: string,
): ReportInput {
  if (!only) return input;
  const { results, unreadable, unknown_version = [], damaged = new Map(), runs, chosenBy, dynamics, others } = input;
  const { table = GATED_SPACE } = input, entries = entriesOf(input);
  selectFrom(results, only, (result) => configOf(result, table), doing, "result");
  const read: ReadResults = {
    results: [...results],
    unreadable: [...unreadable],
    damaged,
    unknown_version: [...unknown_version],
  };
  const selected = selectedResults(read, only, entries, table);
  const keys = new Set(selected.results.map(({ id, seed }) => runKey(id, seed)));
  return {
    ...input,
    ...selected,
    // Controls are a sample of all that was not chosen: of a selection nothing can be concluded about the choice.
    results: chosenBy ? withListedMarks(selected.results, chosenBy.entries) : selected.results,
    chosenBy: undefined,
    selection: [input.selection, only.text].filter(Boolean).join(","),
    runs: runs?.filter(({ entry }) => only(entry.config)),
    dynamics: dynamics && dynamicsAmong(dynamics, keys),
    others: others?.map((other) => selectedStudy(other, only)),
  };
}

/** The entries of the study's list, as far as it is known. */
function entriesOf({ runs = [] }: ReportInput): ConfigEntry[] {
  return [...new Map(runs.map(({ entry }) => [entry.id, entry])).values()];
}
