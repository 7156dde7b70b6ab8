/** The page's scripts, and what they work on. */
import { Buffer } from "node:buffer";
import { deflateRawSync } from "node:zlib";
import { carriedOf } from "../content/carried.ts";
import type { RunResult } from "../../experiments/study/result.ts";
import type { ReportInput } from "../content/report_input.ts";
import { INPUT_ID, WORKER_ID } from "./ids.ts";
import clientScript from "./bundles/client.js" with { type: "text" };
import workerScript from "./bundles/worker.js" with { type: "text" };

/** The scripts of a page that carries a report's input, as HTML. @param known see {@linkcode carriedOf} */
export function scriptsOf(input: ReportInput, known?: readonly RunResult[]): string {
  return `<script type="text/plain" id="${INPUT_ID}">${deflated(JSON.stringify(carriedOf(input, known)))}</script>
<script type="text/plain" id="${WORKER_ID}">${workerDeflated()}</script>
<script>
${clientScript}</script>`;
}

let worker: string | undefined;

/** It is the same in every page, and large: a program that draws many deflates it once. */
function workerDeflated(): string {
  return worker ??= deflated(workerScript);
}

/** Text in as little room as can be had without a loss; it is read by `report/browser/inflate.ts`. */
function deflated(text: string): string {
  return Buffer.from(deflateRawSync(text, { level: 9 })).toString("base64");
}
