/// <reference lib="dom" />
/** What the page says of an experiment that trains: counts, time left, the best so far, what is under way and what has failed. */
import { countsInWords, progressInWords } from "../../experiments/queue/overview_words.ts";
import { qualityInWords } from "../../experiments/study/criterion.ts";
import { shortKey } from "../../experiments/study/run_key.ts";
import { formatDuration } from "../../train/terminal/words.ts";
import type { Snapshot } from "../watch/events.ts";
import type { LiveCurve } from "./live_curves.ts";
import { setText } from "./set_text.ts";

/** Runs under way that are named: an engine may have hundreds. */
const MOST_RUNNING = 12;

/** The panel. */
export class LivePanel {
  readonly picture: SVGSVGElement;
  /** Pressed to have the page as one file; there once it shows something. */
  readonly save: HTMLButtonElement;
  readonly #progress: HTMLProgressElement;
  readonly #counts: HTMLElement;
  /** Apart from the counts: it changes all the time, and need not be read aloud. */
  readonly #left: HTMLElement;
  readonly #best: HTMLElement;
  readonly #connection: HTMLElement;
  readonly #running: HTMLElement;
  readonly #failed: HTMLElement;
  readonly #problems: HTMLElement;
  /** What this page could not show, and what the server could not read. */
  readonly #own = new Set<string>();
  #unread: readonly string[] = [];

  constructor(section: HTMLElement) {
    const find = <E extends Element>(name: string) => section.querySelector<E>(`[data-live=${name}]`)!;
    this.picture = find("curves");
    this.save = find("save");
    this.#progress = find("progress");
    this.#counts = find("counts");
    this.#left = find("left");
    this.#best = find("best");
    this.#connection = find("connection");
    this.#running = find("running");
    this.#failed = find("failed");
    this.#problems = find("problems");
  }

  /** Whether the server is there; and if not, whether the browser has given up. */
  connected(isConnected: boolean, isGivenUp: boolean): void {
    const gone = isGivenUp
      ? "The server stopped, or accepts no more pages; reload the page"
      : "The server does not answer; trying again …";
    setText(this.#connection, isConnected ? "live" : gone);
  }

  /** Says one line on what could not be shown. */
  problem(line: string): void {
    this.#own.add(line);
    this.#list(this.#problems, "Not shown", [...this.#own, ...this.#unread]);
  }

  /** Shows where the experiment stands. @param curves of its runs */
  show({ list, overview, problems }: Snapshot, curves: readonly LiveCurve[]): void {
    const labels = new Map(list.map(({ key, label }) => [key, label]));
    this.#progress.max = Math.max(1, overview.total);
    this.#progress.value = overview.done;
    this.save.hidden = !overview.done;
    setText(this.#counts, countsInWords(overview));
    setText(this.#left, leftInWords(overview));
    const { best } = overview;
    setText(
      this.#best,
      best
        ? `Best so far: ${shortKey(best.key)} (${labels.get(best.key) ?? "not listed"}), ${
          qualityInWords({ ...best, "min loss": best.min_loss })
        }`
        : "",
    );
    const losses = new Map(curves.map(({ key, values }) => [key, values.at(-1)]));
    const running = overview.running.slice(0, MOST_RUNNING).map((claimed) => {
      const { key } = claimed, loss = losses.get(key);
      return `${shortKey(key)}: ${labels.get(key) ?? ""}, ${progressInWords(claimed)}${
        loss === undefined ? "" : `, loss ${loss.toFixed(3)}`
      }`;
    });
    const more = overview.running.length - running.length;
    this.#list(this.#running, "Training now", [...running, ...more > 0 ? [`and ${more} more`] : []]);
    this.#list(this.#failed, "Failed", overview.failed.map(({ key, why }) => `${shortKey(key)}: ${why}`));
    this.#unread = problems;
    this.#list(this.#problems, "Not shown", [...this.#own, ...problems]);
  }

  #list(holder: HTMLElement, heading: string, lines: readonly string[]): void {
    const text = lines.join("\n");
    if (holder.dataset.text === text) return;
    holder.dataset.text = text;
    if (!lines.length) return holder.replaceChildren();
    const list = document.createElement("ul");
    list.append(...lines.map((line) => {
      const item = document.createElement("li");
      item.textContent = line;
      return item;
    }));
    holder.replaceChildren(paragraph(`${heading}:`), list);
  }
}

function paragraph(text: string): HTMLParagraphElement {
  const made = document.createElement("p");
  made.textContent = text;
  return made;
}

/** `; about 3 min 10 s left`. */
function leftInWords({ seconds_left, running, stale, waiting }: Snapshot["overview"]): string {
  const isOver = !running.length && !stale.length && !waiting,
    nobody = running.length || isOver ? "" : "; nothing is training";
  return (seconds_left ? `; about ${formatDuration(seconds_left)} of training left` : "") + nobody;
}
