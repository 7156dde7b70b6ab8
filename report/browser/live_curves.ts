/// <reference lib="dom" />
/** The curves of all runs as they train: each is one path, which grows by what has come; axes change by a transform, so that no path is drawn again. */
// @ts-types="npm:@types/d3-array@3.2.2"
import { ticks } from "d3-array";
import { formatCount } from "../../cells/counts.ts";

/** A run's curve. */
export interface LiveCurve {
  readonly key: string;
  /** Steps between two values. */
  readonly log_every: number;
  /** Smoothed training loss, nats per what the models read. */
  readonly values: readonly number[];
  readonly state: "running" | "done" | "failed";
  /** Whether it is shown: others are not selected. */
  readonly isShown: boolean;
  /** Whether it is the best so far. */
  readonly isBest: boolean;
}

/** A path, and how much of the curve it shows. */
interface Drawn {
  readonly path: SVGPathElement;
  points: number;
  /** The last value of these. */
  last?: number;
  d: string;
  log_every: number;
}

const WIDTH = 960, HEIGHT = 320, AREA = { left: 56, right: 16, top: 28, bottom: 40 } as const;
const INNER = { width: WIDTH - AREA.left - AREA.right, height: HEIGHT - AREA.top - AREA.bottom } as const;
/** Losses are drawn in thousandths. */
const UNIT = 1000;
/** Values at the start of a curve that say little: as in the report's pictures. */
const START_SHARE = 0.03;

/** The picture. */
export class LiveCurves {
  readonly #curves: SVGGElement;
  readonly #axes: SVGGElement;
  readonly #drawn = new Map<string, Drawn>();
  #domain = "";

  /**
   * @param svg an empty one
   * @param nameOf what the page calls a run's configuration, so that it can be marked
   */
  constructor(private readonly svg: SVGSVGElement, private readonly nameOf: (key: string) => string) {
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.#axes = element("g", { class: "live-axes" });
    const clip = element("clipPath", { id: "live-area" });
    clip.append(element("rect", { x: AREA.left, y: AREA.top, width: INNER.width, height: INNER.height }));
    const clipped = element("g", { "clip-path": "url(#live-area)" });
    this.#curves = element("g", {});
    clipped.append(this.#curves);
    svg.append(clip, this.#axes, clipped);
  }

  /**
   * Shows these curves, and no others. Those that have grown are made longer; those that are as they were stay untouched.
   *
   * @param steps the most that a run does
   * @param reads what the models read
   */
  show(curves: readonly LiveCurve[], steps: number, reads: string): void {
    const keys = new Set(curves.map(({ key }) => key));
    for (const [key, { path }] of this.#drawn) {
      if (keys.has(key)) continue;
      path.remove();
      this.#drawn.delete(key);
    }
    for (const curve of curves) this.#draw(curve);
    this.#setAxes(curves.filter(({ isShown }) => isShown), steps, reads);
  }

  #draw({ key, log_every, values, state, isShown, isBest }: LiveCurve): void {
    const drawn = this.#drawn.get(key) ?? this.#add(key, log_every);
    // A run that was begun again meanwhile has another curve, however long.
    const isOther = drawn.points > 0 && values[drawn.points - 1] !== drawn.last;
    if (values.length < drawn.points || log_every !== drawn.log_every || isOther) {
      Object.assign(drawn, { points: 0, d: "", log_every });
    }
    if (values.length > drawn.points) {
      const points = values.slice(drawn.points).map((loss, i) =>
        `${(drawn.points + i + 1) * log_every},${Math.round(loss * UNIT)}`
      );
      drawn.d += `${drawn.d ? "L" : "M"}${points.join("L")}`;
      drawn.points = values.length;
      drawn.last = values.at(-1);
      drawn.path.setAttribute("d", drawn.d);
    }
    const look = ["live-curve", state, ...(isBest ? ["best"] : []), ...(isShown ? [] : ["out"])].join(" ");
    if (!drawn.path.classList.contains("marked") && drawn.path.getAttribute("class") !== look) {
      drawn.path.setAttribute("class", look);
      // The best one lies above the others, and those that train above those that are done.
      if (isBest || state === "running") this.#curves.append(drawn.path);
    }
  }

  #add(key: string, log_every: number): Drawn {
    const path = element("path", { "data-run": this.nameOf(key), "vector-effect": "non-scaling-stroke" });
    this.#curves.append(path);
    const drawn = { path, points: 0, d: "", log_every };
    this.#drawn.set(key, drawn);
    return drawn;
  }

  #setAxes(curves: readonly LiveCurve[], steps: number, reads: string): void {
    let low = Infinity, high = -Infinity;
    for (const { values } of curves) {
      const from = Math.min(Math.ceil(START_SHARE * values.length), values.length - 1);
      for (let i = from; i < values.length; i++) {
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
    }
    if (!Number.isFinite(low)) [low, high] = [0, 1];
    const room = 0.03 * Math.max(high - low, 0.05), domain = JSON.stringify([steps, low.toFixed(2), high.toFixed(2)]);
    if (domain === this.#domain) return;
    this.#domain = domain;
    [low, high] = [low - room, high + room];
    const x = (step: number) => AREA.left + step / steps * INNER.width;
    const y = (loss: number) => AREA.top + (high - loss) / (high - low) * INNER.height;
    const scale = [INNER.width / steps, -INNER.height / (high - low) / UNIT];
    this.#curves.setAttribute("transform", `matrix(${scale[0]} 0 0 ${scale[1]} ${AREA.left} ${y(0)})`);
    const text = (content: string, attributes: Attributes) => {
      const made = element("text", attributes);
      made.textContent = content;
      return made;
    };
    this.#axes.replaceChildren(
      ...ticks(low, high, 5).flatMap((loss) => [
        element("path", { d: `M${AREA.left},${y(loss)}H${WIDTH - AREA.right}` }),
        text(`${loss}`, { x: AREA.left - 6, y: y(loss) + 4, "text-anchor": "end" }),
      ]),
      ...ticks(0, steps, 6).map((step) =>
        text(formatCount(step), { x: x(step), y: HEIGHT - AREA.bottom + 18, "text-anchor": "middle" })
      ),
      text("training steps", { x: WIDTH - AREA.right, y: HEIGHT - 4, "text-anchor": "end" }),
      text(`training loss, nats per ${reads}`, { x: 4, y: 16 }),
    );
  }
}

type Attributes = Readonly<Record<string, string | number>>;

function element<K extends keyof SVGElementTagNameMap>(name: K, attributes: Attributes): SVGElementTagNameMap[K] {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, `${value}`);
  return made;
}
