/// <reference lib="dom" />
/** Makes a page of what has come so far, as `deno task report` would write it: one file that needs no server. */
import { CELLS_PART, INPUT_ID, WORKER_ID } from "../page/ids.ts";
import { pageAround, partsAround } from "../page/page_around.ts";
import { CellsView } from "./cells_view.ts";
import type { Outcome, WorkerClient } from "./worker_client.ts";

/** What of the page is as it came, before a script has worked on it. */
export interface PageAsItCame {
  /** The bar, as HTML. */
  readonly bar: string;
  /** All cells without their runs, as HTML. */
  readonly cells: string;
}

/** @returns HTML; or one line, where there is none */
export async function savedPage(worker: WorkerClient, { bar, cells }: PageAsItCame): Promise<Outcome<string>> {
  const selected = await worker.select(""), data = await worker.carry();
  if ("error" in selected) return selected;
  if ("error" in data) return data;
  const part = document.createElement("div");
  part.dataset.part = CELLS_PART;
  part.innerHTML = cells;
  await new CellsView(part).show(selected.value.inFull);
  for (const none of part.querySelectorAll("details[data-cell][hidden]")) none.remove();
  const script = (id: string, text: string) => `<script type="text/plain" id="${id}">${text}</script>`;
  const own = document.querySelector("script:not([id])")!;
  return {
    value: pageAround({
      title: document.title,
      style: document.querySelector("style")!.textContent!,
      bar,
      body: partsAround(selected.value.parts, part.outerHTML),
      carried: [
        script(INPUT_ID, data.value),
        script(WORKER_ID, document.getElementById(WORKER_ID)!.textContent!),
        own.outerHTML,
      ].join("\n"),
    }),
  };
}
