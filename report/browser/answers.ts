/** What the page's worker answers: the report's own functions on what the page carries. */
import { deflateText, inflateText } from "./inflate.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { configOf, isFinished, type RunResult } from "../../experiments/study/result.ts";
import { runKey } from "../../experiments/study/run_key.ts";
import { parseSelection, type Selection } from "../../experiments/study/selection.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { type CarriedInput, carriedOf, inputOf } from "../content/carried.ts";
import { type ReportContent, reportContent, runsOf } from "../content/report_content.ts";
import { type ReportInput, selectedInput } from "../content/report_input.ts";
import { csvOf } from "../data/csv.ts";
import { countConfigurations, mergeSeeds } from "../data/merged.ts";
import { compared } from "../page/compare.ts";
import type { DownloadKind } from "../page/figure.ts";
import { pageParts } from "../page/parts.ts";
import { runsInFull } from "../page/run_part.ts";
import type { Answer, AnswerTo, Ask, Compared, Selected } from "./protocol.ts";

/** Where no run has finished. */
const NOTHING: Selected = { parts: [], inFull: { runs: [], symbols: "" }, configurations: 0 };

/** A report's data, and what is asked of it. */
export class Answers {
  #input: ReportInput | undefined;
  /** Whether results come while they are looked at. */
  #isLive = false;
  #last: { readonly only: string; readonly content: ReportContent } | undefined;

  /** @throws {UserError} with one line, where there is no answer */
  async answer<A extends Ask>(ask: A): Promise<AnswerTo<A>> {
    return await this.#answer(ask) as AnswerTo<A>;
  }

  async #answer(ask: Ask): Promise<Answer> {
    switch (ask.ask) {
      case "open":
        this.#input = inputOf(JSON.parse(await inflateText(ask.data)) as CarriedInput);
        return undefined;
      case "update":
        this.#isLive = true;
        this.#last = undefined;
        this.#input = updated(this.#opened(), ask.results, ask.gone);
        return undefined;
      case "select":
        return this.#select(ask.only);
      case "compare":
        return this.#compare(ask.runs);
      case "carry":
        return await deflateText(JSON.stringify(carriedOf(this.#opened())));
      case "picture":
        return this.#picture(ask.name, ask.as, ask.only);
      default:
        return ask satisfies never;
    }
  }

  #select(text: string): Selected {
    const input = this.#opened(), { table = GATED_SPACE } = input;
    const only = text.trim() ? parsed(text, table) : undefined;
    const entries = input.runs?.map(({ entry }) => entry).filter(({ config }) => only?.(config) ?? true);
    const listed = entries && [...new Set(entries.map(({ id }) => id))];
    // An experiment whose runs still train may have nothing to show so far of what is selected.
    const isShown = (result: RunResult) => isFinished(result) && (only?.(configOf(result, table)) ?? true);
    if (this.#isLive && (!only || listed?.length) && !input.results.some(isShown)) return { ...NOTHING, listed };
    const content = this.#contentOf(only);
    return {
      parts: pageParts(content),
      inFull: runsInFull(content),
      configurations: countConfigurations(content.rows),
      listed,
    };
  }

  #compare(names: readonly string[]): Compared {
    const input = this.#opened(), { experiment, table = GATED_SPACE } = input, { runs, levels } = runsOf(input);
    return { html: compared(names, { experiment, rows: mergeSeeds(runs.rows), levels, table }) };
  }

  /** What a picture shows: as CSV, or the picture itself. */
  #picture(name: string, as: DownloadKind, text: string): string {
    const content = this.#contentOf(text.trim() ? parsed(text, this.#opened().table) : undefined);
    const picture = content.pictures.find((one) => one.name === name);
    if (!picture) throw new UserError(`Cannot download ${name}: the selection has no such picture`);
    return as === "svg" ? picture.svg : csvOf(picture.data());
  }

  /** The content of a selection; that of the last one is kept. */
  #contentOf(only: Selection | undefined): ReportContent {
    const key = only?.text ?? "";
    if (this.#last?.only !== key) {
      const content = reportContent(selectedInput(this.#opened(), only, "show this page"), ANY_STUDY.dir);
      this.#last = { only: key, content };
    }
    return this.#last.content;
  }

  #opened(): ReportInput {
    if (!this.#input) throw new UserError("Cannot work on this page: its data are not loaded");
    return this.#input;
  }
}

function parsed(text: string, table: Parameters<typeof parseSelection>[1]) {
  try {
    return parseSelection(text, table);
  } catch (error) {
    throw new UserError(`Cannot show '${text}': ${messageOf(error)}`);
  }
}

/** The same study some time later. */
function updated(input: ReportInput, results: readonly RunResult[], gone: readonly string[]): ReportInput {
  const byKey = new Map(input.results.map((result) => [keyOf(result), result]));
  for (const key of gone) byKey.delete(key);
  for (const result of results) byKey.set(keyOf(result), result);
  return { ...input, results: [...byKey.values()] };
}

const keyOf = ({ id, seed }: RunResult) => runKey(id, seed);
