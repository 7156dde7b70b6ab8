/** Fixed points: states that a model keeps while one byte is read again and again. */
import { checkWhole } from "../../cells/bounds.ts";
import { UserError } from "../../cells/errors.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import type { StackStates } from "./layer_maps.ts";
import type { NewtonEnd } from "./newton.ts";
import type { Watched } from "./progress.ts";
import { StackSearch } from "./stack_search.ts";
import type { StreamOptions } from "./stream_options.ts";
import { cutStreams, type Streams, type VisitedStates } from "./streams.ts";
import { visitedStates } from "./walk.ts";
import { type CheckedModel, checkModel, type WeightedModel } from "./weighted_model.ts";

/** A state `s` with `F(s, x) = s`. */
export interface FixedPoint {
  /** Starts that Newton's method came from. */
  readonly found_from: number;
  /** Largest absolute value among the eigenvalues of `∂F/∂s`: below 1 it is stable. */
  readonly spectral_radius: number;
  /** Eigenvalues outside of the unit circle: 0 where it is stable. */
  readonly unstable: number;
}

/** Those of one token. */
export interface TokenFixedPoints {
  /** The byte or token that is read again and again. */
  readonly token: number;
  /** Its share of the text. */
  readonly share: number;
  /** Visited states that Newton's method started from. */
  readonly starts: number;
  /** Of them, those that ended at a fixed point. */
  readonly converged: number;
  /** Those that ended at a slow point: at or near a local minimum of the speed that is not a fixed point. */
  readonly slow: number;
  /** Those that ended at neither. */
  readonly failed: number;
  /** Distinct fixed points, those found most often first. There may be more: these were found from that many starts. */
  readonly points: readonly FixedPoint[];
}

/** What {@linkcode fixedPoints} finds. */
export interface FixedPoints {
  /** `½‖F(s, x) − s‖²` below which a state counts as fixed. */
  readonly tolerance: number;
  /** The same below which it counts as slow. */
  readonly slow_tolerance: number;
  /** The most frequent tokens of the text, the most frequent first. */
  readonly tokens: readonly TokenFixedPoints[];
}

/** What {@linkcode fixedPoints} takes beside the text that states are visited in; all of it may be absent. */
export interface FixedPointSearch extends Watched {
  /** How many of the text's most frequent tokens are held; fewer where the text has fewer. Absent: 8. */
  readonly frequent?: number;
  /** Visited states that Newton's method starts from, for each token; absent: 8. */
  readonly starts?: number;
}

/** What {@linkcode fixedPoints} takes; all of it may be absent. Progress is in starts, each once for every layer. */
export interface FixedPointsOptions extends StreamOptions, FixedPointSearch {}

const ACTION = "find fixed points";
const DEFAULTS: Required<StreamOptions> = { streams: 8, tokens: 512, warm_up: 256 };
const FREQUENT = 8, STARTS = 8;
/** Of `q`. A slow point moves by up to 0.0014 a token. */
const TOLERANCES = { fixed: 1e-12, slow: 1e-6 };
/** Points are distinct where a number differs by more: Newton's last step leaves far less, and a state reaches to 1 or more. */
const DISTINCT = 1e-4;

/**
 * Fixed points of a model that reads one token for ever, for each of the most frequent tokens of a text: Newton's method from visited states, on
 * `q = ½‖F(s, x) − s‖²`. Sources: Sussillo and Barak, "Opening the black box", 2013; by a solver of equations Katz and Reggia, "Using directional
 * fibers to locate fixed points of recurrent neural networks", 2017; of what is converged and what is distinct Golub and Sussillo,
 * "FixedPointFinder", 2018.
 *
 * A start has converged below `q = 1e-12`. It is slow where it ends below 1e-6, at or near a local minimum of `q`; all others have failed, also those
 * that become infinite or NaN. A start that Newton's method leaves at neither follows the model for 64 tokens, then for 256, and tries again: units whose gates
 * are all but shut make `∂F/∂s − I` nearly singular. Points are distinct where a number differs by more than 1e-4. A point is stable where all
 * eigenvalues of `∂F/∂s` are within the unit circle. Newton's method finds unstable points as well as stable ones, and need not come to the point that
 * the model itself would go to.
 *
 * A layer does not see those above it: its fixed points are searched for one layer after the other, the layers below at theirs. So `∂F/∂s` is
 * block-triangular, and its eigenvalues are those of the layers' blocks.
 *
 * The cost is that of `n` forward steps and a linear system of the `n` numbers of each layer, for each of some six steps of each of
 * `frequent · starts` starts. Seen with the defaults, on one core: 0.1 to 1.5 seconds for gated cells of 2 × 32 states, 40 for gated cells of
 * 2 × 256.
 *
 * @param text held-out text, at least `streams · (warm_up + tokens) + 1` tokens; starts are spread over its streams, absent: 8 of 512 tokens with a
 * warm-up of 256
 * @throws {RangeError} if a number is out of bounds, the text is too short, or has a token that the model has not
 * @throws {UserError} if a weight is missing or not finite, a visited state does not stay finite, or the model carries no state
 */
export async function fixedPoints(
  model: WeightedModel,
  text: Tokens,
  { frequent = FREQUENT, starts = STARTS, onProgress, signal, ...cut }: FixedPointsOptions = {},
): Promise<FixedPoints> {
  const checked = checkModel(model, ACTION), streams = cutStreams(text, cut, checked, ACTION, DEFAULTS);
  checkSearch(frequent, starts);
  const visited = await visitedStates(checked, streams, ACTION, { signal });
  return fixedPointsOf(checked, { streams, states: visited }, { frequent, starts, onProgress, signal });
}

/**
 * {@linkcode fixedPoints} from states of streams that have been walked through already.
 *
 * @throws {RangeError} if a number is out of bounds; {@linkcode UserError} if there is no state
 */
export async function fixedPointsOf(
  model: CheckedModel,
  { streams: { text }, states: visited }: { readonly streams: Pick<Streams, "text">; readonly states: VisitedStates },
  { frequent = FREQUENT, starts = STARTS, ...watched }: FixedPointSearch = {},
): Promise<FixedPoints> {
  checkSearch(frequent, starts);
  if (!visited.size) throw new UserError(`Cannot ${ACTION}: the model carries no state`);
  const tokens = mostFrequent(text, frequent), from = spreadStarts(visited, model.sizes.state_size, starts);
  const rows = tokens.flatMap(({ token }) => Array.from({ length: starts }, () => token));
  const repeated = new Map([...from].map(([name, values]) => [name, repeat(values, tokens.length)]));
  await using search = await StackSearch.run(model, Uint16Array.from(rows), repeated, TOLERANCES, watched);
  const { ends } = search, groups = tokens.map((_, i) => groupsOf(ends, i * starts, (i + 1) * starts));
  const stabilities = await search.stabilities(groups.flat().map(([first]) => first));
  const found = tokens.map((token, i): TokenFixedPoints => {
    const own = stabilities.splice(0, groups[i].length), places = ends.slice(i * starts, (i + 1) * starts);
    const points = groups[i].flatMap(({ length }, j) => own[j] ? [{ found_from: length, ...own[j] }] : []);
    const converged = points.reduce((sum, { found_from }) => sum + found_from, 0);
    const slow = places.filter(({ q }) => q >= TOLERANCES.fixed && q < TOLERANCES.slow).length;
    points.sort((a, b) => b.found_from - a.found_from);
    return { ...token, starts, converged, slow, failed: starts - converged - slow, points };
  });
  return { tolerance: TOLERANCES.fixed, slow_tolerance: TOLERANCES.slow, tokens: found };
}

function checkSearch(frequent: number, starts: number): void {
  checkWhole(ACTION, "frequent", frequent, 1);
  checkWhole(ACTION, "starts", starts, 1);
}

/** Tokens by how often they are in a text, the smaller first of two that are there as often. */
function mostFrequent(text: Tokens, most: number): { readonly token: number; readonly share: number }[] {
  const counts = new Map<number, number>();
  for (const token of text) counts.set(token, (counts.get(token) ?? 0) + 1);
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || a - b);
  return sorted.slice(0, most).map(([token, count]) => ({ token, share: count / text.length }));
}

/** States to start from, by name `[count, size]`: from one stream after the other, and spread over the tokens of each. */
function spreadStarts(visited: VisitedStates, size: number, count: number): StackStates {
  return new Map([...visited].map(([name, streams]) => {
    const perStream = Math.ceil(count / streams.length), rows = new Float64Array(count * size);
    for (let i = 0; i < count; i++) {
      const states = streams[i % streams.length], place = (Math.floor(i / streams.length) + 0.5) / perStream;
      const at = Math.floor(place * states.length / size) * size;
      rows.set(states.subarray(at, at + size), i * size);
    }
    return [name, rows];
  }));
}

function repeat(values: Values, times: number): Values {
  const all = new Float64Array(times * values.length);
  for (let i = 0; i < times; i++) all.set(values, i * values.length);
  return all;
}

/** Rows from `begin` to before `end` that have converged, those together that have come to one point. */
function groupsOf(ends: readonly NewtonEnd[], begin: number, end: number): number[][] {
  const groups: number[][] = [];
  for (let row = begin; row < end; row++) {
    if (!(ends[row].q < TOLERANCES.fixed)) continue;
    const known = groups.find(([first]) => !areDistinct(ends[first].point, ends[row].point));
    if (known) known.push(row);
    else groups.push([row]);
  }
  return groups;
}

const areDistinct = (a: Float64Array, b: Float64Array): boolean => a.some((x, i) => Math.abs(x - b[i]) > DISTINCT);
