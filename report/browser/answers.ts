/** What the page's worker answers: the report's own functions on what the page carries. */
import { inflateText } from "./inflate.ts";
import { messageOf, UserError } from "../../cells/errors.ts";
import { parseSelection } from "../../experiments/study/selection.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { type CarriedInput, inputOf } from "../content/carried.ts";
import { reportContent } from "../content/report_content.ts";
import { type ReportInput, selectedInput } from "../content/report_input.ts";
import { countConfigurations } from "../data/merged.ts";
import { pageParts } from "../page/parts.ts";
import { runsInFull } from "../page/run_part.ts";
import type { Ask, Selected } from "./protocol.ts";

/** A report's data, and what is asked of it. */
export class Answers {
  #input: ReportInput | undefined;

  /** @throws {UserError} with one line, where there is no answer */
  async answer(ask: Ask): Promise<Selected | undefined> {
    switch (ask.ask) {
      case "open":
        this.#input = inputOf(JSON.parse(await inflateText(ask.data)) as CarriedInput);
        return undefined;
      case "select":
        return this.#select(ask.only);
      default:
        return ask satisfies never;
    }
  }

  #select(text: string): Selected {
    const input = this.#opened(), { table = GATED_SPACE } = input;
    const only = text.trim() ? parsed(text, table) : undefined;
    const content = reportContent(selectedInput(input, only, "show this page"), ANY_STUDY.dir);
    return {
      parts: pageParts(content),
      inFull: runsInFull(content),
      configurations: countConfigurations(content.rows),
    };
  }

  #opened(): ReportInput {
    if (!this.#input) throw new UserError("Cannot work on this page: its data were not opened");
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
