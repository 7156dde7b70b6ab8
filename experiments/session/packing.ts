/** In which order runs are packed into groups. */
import type { CellConfig } from "../../cells/config.ts";

/** Something that is trained as a configuration says. */
interface Configured {
  readonly entry: { readonly config: CellConfig };
}

/** Runs by shape, then by the memory that they take, largest first: so the place that one leaves fits the next. */
export function packingOrder<R extends Configured>(runs: readonly R[], footprint: (run: R) => number): R[] {
  const sizes = ({ entry: { config } }: R) => [config.state_size, config.n_layers];
  const keyed = runs.map((run) => ({ run, key: [...sizes(run), footprint(run)] }));
  keyed.sort((a, b) => b.key.map((value, i) => value - a.key[i]).find((difference) => difference !== 0) ?? 0);
  return keyed.map(({ run }) => run);
}
