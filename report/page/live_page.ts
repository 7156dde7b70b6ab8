/** The page of an experiment whose runs still train: what it shows comes later, from the server, and is drawn by its scripts. */
import { commandOn } from "../../experiments/study/commands.ts";
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import type { ConfigEntry } from "../../experiments/study/runs.ts";
import type { ReportInput } from "../content/report_input.ts";
import { GATED_SPACE } from "../../cells/catalog/catalog.ts";
import { filterBar } from "./filter_bar.ts";
import { escapeHtml } from "./html.ts";
import { CELLS_PART, LIVE_ID } from "./ids.ts";
import { pageAround, partsAround } from "./page_around.ts";
import { scriptsOf } from "./scripts.ts";
import { LIVE_STYLE, PAGE_STYLE } from "./style.ts";

/** Options of {@linkcode livePage}. */
export interface LivePageOptions {
  /** What is watched. */
  readonly title: string;
  /** All that a report is drawn from. The page carries all but the results, which the server sends. */
  readonly input: ReportInput;
  readonly entries: readonly ConfigEntry[];
}

/** The page as it is before anything has come. */
export function livePage({ title, input, entries }: LivePageOptions): string {
  const body = `<section id="${LIVE_ID}" aria-label="Training">
<noscript><p>This page shows a study while it trains and needs scripts; ${
    escapeHtml(commandOn("report", ANY_STUDY, input.experiment))
  } draws a page without scripts.</p></noscript>
<h1>${escapeHtml(title)}</h1>
<p><progress data-live="progress" aria-label="runs done" value="0"></progress> <span data-live="counts" role="status"></span><span data-live="left"></span></p>
<p data-live="best"></p>
<p data-live="connection" class="muted">connecting …</p>
<p><button type="button" data-live="save" hidden>save as one file</button></p>
<figure>
<div class="card"><svg data-live="curves" role="img" aria-label="Training loss of all runs over their steps"></svg></div>
<figcaption>Training loss of each run, smoothed: <b class="running">blue</b> while it trains, grey when done; <b class="best">thick</b>: the best so far.</figcaption>
</figure>
<div data-live="running"></div>
<div data-live="failed"></div>
<div data-live="problems"></div>
</section>
${partsAround([], `<div data-part="${CELLS_PART}"></div>`)}`;
  return pageAround({
    title,
    style: `${PAGE_STYLE}${LIVE_STYLE}`,
    bar: filterBar(entries, input.table ?? GATED_SPACE),
    body,
    carried: scriptsOf({ ...input, results: [] }, input.results),
    asks: true,
  });
}
