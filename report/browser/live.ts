/// <reference lib="dom" />
/** Follows an experiment as it trains: what the server sends goes to the panel at once, and to the rest of the page when there is time. */
import { idInKey, runKey, shortKey } from "../../experiments/study/run_key.ts";
import { unitOf } from "../../cells/unit.ts";
import { type Changes, type Curve, type Snapshot, withChanges } from "../watch/events.ts";
import { type LiveCurve, LiveCurves } from "./live_curves.ts";
import { handOver } from "./downloads.ts";
import { LivePanel } from "./live_panel.ts";
import { Page } from "./page.ts";
import { savedPage } from "./save_page.ts";

/** Of the time that the last drawing took, as much is left between two: the worker is not to be busy all the time. */
const REST = 3, LEAST_REST_MILLISECONDS = 2000;

/** @param section what shows how the training goes */
export function watchLive(section: HTMLElement): void {
  const live = new Live(section), events = new EventSource("events");
  events.addEventListener("snapshot", ({ data }: MessageEvent<string>) => live.begin(JSON.parse(data) as Snapshot));
  events.addEventListener("changes", ({ data }: MessageEvent<string>) => live.change(JSON.parse(data) as Changes));
  events.addEventListener("open", () => live.connected(true));
  events.addEventListener("error", () => live.connected(false, events.readyState === EventSource.CLOSED));
}

class Live {
  /** As the page came. */
  readonly #bar = document.querySelector("form.filters")!.outerHTML;
  readonly #panel: LivePanel;
  readonly #curves: LiveCurves;
  readonly #page = new Page({
    isDrawnHere: true,
    onSelected: ({ listed }) => {
      this.#selected = listed && new Set(listed);
      this.#show();
    },
  });
  #cells = "";
  #snapshot: Snapshot | undefined;
  /** Ids of the configurations that are selected; undefined: all. */
  #selected: ReadonlySet<string> | undefined;
  /** Whether results have come that the page does not show so far, and whether it is being drawn. */
  #isStale = false;
  #isDrawing = false;

  constructor(section: HTMLElement) {
    this.#panel = new LivePanel(section);
    this.#curves = new LiveCurves(this.#panel.picture, (key) => shortKey(idInKey(key)));
    void this.#bringCells();
    this.#panel.save.addEventListener("click", () => void this.#save());
  }

  connected(isConnected: boolean, isGivenUp = false): void {
    this.#panel.connected(isConnected, isGivenUp);
  }

  begin(snapshot: Snapshot): void {
    // A server that was started again may know another list, which the page came with.
    if (this.#snapshot && isOtherList(this.#snapshot, snapshot)) return location.reload();
    const before = new Set(this.#snapshot?.results.map(({ id, seed }) => runKey(id, seed)));
    for (const { id, seed } of snapshot.results) before.delete(runKey(id, seed));
    this.#snapshot = snapshot;
    this.#take(snapshot.results, [...before]);
  }

  change(changes: Changes): void {
    if (!this.#snapshot) return;
    // The page's filters, and the cells that it shows, are those of the list.
    if (changes.list && isOtherList(this.#snapshot, { list: changes.list })) return location.reload();
    this.#snapshot = withChanges(this.#snapshot, changes);
    this.#take(changes.results ?? [], changes.gone ?? []);
  }

  /** Shows what has come. */
  #take(results: Snapshot["results"], gone: readonly string[]): void {
    this.#show();
    if (!results.length && !gone.length) return;
    void this.#page.worker.update(results, gone).then((problem) => problem && this.#panel.problem(problem));
    // Of a run under way the rest of the page says no more than that there is one.
    const isAnyEnded = results.some(({ loss, failed }) => loss !== undefined || failed !== undefined);
    if (!isAnyEnded && !gone.length) return;
    this.#isStale = true;
    void this.#draw();
  }

  /** The panel and its picture. */
  #show(): void {
    if (!this.#snapshot) return;
    const { list, results } = this.#snapshot;
    const curves = curvesOf(this.#snapshot, this.#selected);
    this.#panel.show(this.#snapshot, curves);
    const [first] = results, steps = list.reduce((most, run) => Math.max(most, run.steps), 1);
    this.#curves.show(curves, steps, unitOf(first ?? {}));
    this.#page.marks.stale();
  }

  /** Draws the rest of the page again, not more often than the worker can do beside other work. */
  async #draw(): Promise<void> {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    try {
      while (this.#isStale) {
        this.#isStale = false;
        const start = performance.now();
        await this.#page.refresh(new Set(this.#snapshot!.list.map(({ id }) => id)).size);
        const rest = Math.max(LEAST_REST_MILLISECONDS, REST * (performance.now() - start));
        await new Promise((resolve) => setTimeout(resolve, rest));
      }
    } finally {
      this.#isDrawing = false;
    }
  }

  /** Hands over what has come so far as one file, which needs no server. */
  async #save(): Promise<void> {
    const { save } = this.#panel;
    save.disabled = true;
    const outcome = await savedPage(this.#page.worker, { bar: this.#bar, cells: this.#cells });
    save.disabled = false;
    if ("error" in outcome) return this.#panel.problem(outcome.error);
    handOver(`report_${this.#snapshot!.experiment}_so_far.html`, outcome.value, "text/html");
  }

  /** Brings pictures and equations of all listed cells, which no result changes. */
  async #bringCells(): Promise<void> {
    const answer = await fetch("cells").catch(() => undefined);
    if (!answer?.ok) {
      const why = answer ? `answers ${answer.status}` : "does not answer";
      return this.#panel.problem(`Cannot show cells: the server ${why}; reload the page`);
    }
    this.#cells = await answer.text();
    await this.#page.setCells(this.#cells);
  }
}

function isOtherList(before: Pick<Snapshot, "list">, now: Pick<Snapshot, "list">): boolean {
  const text = ({ list }: Pick<Snapshot, "list">) => list.map(({ key, steps }) => `${key} ${steps}`).join();
  return text(before) !== text(now);
}

/** The curves of all runs, with what the result of a run that trains further does not have. */
function curvesOf({ results, curves, overview }: Snapshot, selected: ReadonlySet<string> | undefined): LiveCurve[] {
  const more = new Map(curves.map((curve): [string, Curve] => [curve.key, curve]));
  const running = new Set(overview.running.map(({ key }) => key));
  const curveOf = (key: string, loss: readonly number[], log_every: number, isFailed: boolean): LiveCurve => {
    const curve = more.get(key);
    more.delete(key);
    return {
      key,
      log_every: curve?.log_every ?? log_every,
      values: curve ? [...loss.slice(0, curve.from), ...curve.values] : loss,
      state: running.has(key) ? "running" : isFailed ? "failed" : "done",
      isShown: !selected || selected.has(idInKey(key)),
      isBest: overview.best?.key === key,
    };
  };
  const known = results.map((result) =>
    curveOf(runKey(result.id, result.seed), result.loss ?? [], result.log_every, result.failed !== undefined)
  );
  const others = [...more.values()].map(({ key, log_every }) => curveOf(key, [], log_every, false));
  return [...known, ...others].filter(({ values }) => values.length);
}
