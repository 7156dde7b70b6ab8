/** On what finished runs were trained. Engines and adapters agree but for the last digits: runs of several are not mixed silently. */
import { counted } from "../../cells/counts.ts";
import { oneLine } from "../../cells/visible_text.ts";

/** An engine on an adapter, as results and engines name them. */
export interface TrainedOn {
  readonly engine: string;
  readonly adapter: string;
}

/** `onnx (ONNX Runtime CPU, 2 cores)`. */
export function placeInWords({ engine, adapter }: TrainedOn): string {
  return oneLine(`${engine} (${adapter})`);
}

/** How many runs were trained on each engine and adapter, in words: the most runs first. */
export function placesOf(runs: readonly TrainedOn[]): Map<string, number> {
  const counts = [...Map.groupBy(runs, placeInWords)].map(([place, of]) => [place, of.length] as const);
  return new Map(counts.sort(([a, more], [b, less]) => less - more || (a < b ? -1 : 1)));
}

const DIGITS = "their last digits may differ";

/** What is said of finished runs that were not all trained on the same; undefined where they were. */
export function mixedInWords(finished: readonly TrainedOn[]): string | undefined {
  const places = placesOf(finished);
  if (places.size < 2) return undefined;
  return `Finished runs were trained on ${places.size} engines or adapters: ${counts(places)}; ${DIGITS}`;
}

/** What is said before more runs are trained, where some were trained on something else; undefined where none was. */
export function otherPlacesInWords(finished: readonly TrainedOn[], now: TrainedOn): string | undefined {
  const here = placeInWords(now), places = placesOf(finished.filter((run) => placeInWords(run) !== here));
  if (!places.size) return undefined;
  return `Finished runs were trained on ${counts(places)}; this process trains on ${here}: ${DIGITS}`;
}

function counts(places: ReadonlyMap<string, number>): string {
  return [...places].map(([place, runs]) => `${place}: ${counted(runs, "run")}`).join(", ");
}
