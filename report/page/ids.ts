/** What the page's scripts find on it. */

/** Ids of the elements that hold the worker's script and the report's input, both deflated, in base64. */
export const WORKER_ID = "worker-script", INPUT_ID = "report-input";

/** What holds the parts of the page; and, on a page of an experiment that still trains, what shows how that goes. */
export const PARTS_ID = "parts", LIVE_ID = "live";

/** The part that holds each cell and its runs: pieces of it are replaced, and never the whole. */
export const CELLS_PART = "cells";

/** The part on configurations that are compared, which the script puts in; and in it, where a cell's picture and equations belong: the attribute holds the cell. */
export const COMPARE_ID = "compare", CELL_COPY = "data-cell-copy";
