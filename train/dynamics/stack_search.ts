/** Fixed points of a whole stack of layers: those of one layer after the other, from the first. */
import { EigenvalueDecomposition, Matrix } from "ml-matrix";
import type { Tokens } from "../corpus/tokens/tokenizer.ts";
import { LayerMap, pointsOf, type StackStates, statesOf } from "./layer_maps.ts";
import { newton, type NewtonEnd, type Tolerances } from "./newton.ts";
import type { Watched } from "./progress.ts";
import type { CheckedModel } from "./weighted_model.ts";

/** Where the searches of a layer have ended. */
interface SearchedLayer {
  readonly map: LayerMap;
  readonly ends: readonly NewtonEnd[];
}

/** How a map stretches near a point. */
export interface Stability {
  /** Largest absolute value of an eigenvalue. */
  readonly spectral_radius: number;
  /** Eigenvalues with an absolute value above 1. */
  readonly unstable: number;
}

/**
 * Searches a model for fixed points, with a row for each start. Those of a layer depend on the layers below alone, which stand at theirs; so a point of
 * every layer is one of the stack, and the eigenvalues of its Jacobian are those of the layers.
 */
export class StackSearch implements AsyncDisposable {
  readonly #maps = new AsyncDisposableStack();
  readonly #layers: SearchedLayer[] = [];

  private constructor(private readonly rows: number, private readonly signal?: AbortSignal) {}

  /**
   * @param tokens that of each row
   * @param starts states of all layers, `[rows, size]`
   * @param tolerances of the whole, and of each layer
   */
  static async run(
    model: CheckedModel,
    tokens: Tokens,
    starts: StackStates,
    tolerances: Tolerances,
    { onProgress, signal }: Watched,
  ): Promise<StackSearch> {
    const search = new StackSearch(tokens.length, signal), { n_layers } = model.sizes;
    let states = starts, done = 0;
    try {
      for (let layer = 0; layer < n_layers; layer++) {
        const map = await LayerMap.open({ model, tokens, states, signal }, layer);
        if (!map) continue;
        search.#maps.use(map);
        const points = pointsOf(map.names, states, model.sizes.state_size);
        const ends = await newton(map, points, tolerances, (over) => {
          // A search that was over may be taken up again.
          done = Math.max(done, layer * tokens.length + over);
          onProgress?.(done, n_layers * tokens.length);
          signal?.throwIfAborted();
        });
        search.#layers.push({ map, ends });
        states = new Map([...states, ...statesOf(map.names, ends.map(({ point }) => point))]);
      }
      return search;
    } catch (error) {
      await search[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where each row has ended: the numbers of all layers, and `q` of the whole. */
  get ends(): NewtonEnd[] {
    return Array.from({ length: this.rows }, (_, row) => {
      const own = this.#layers.map(({ ends }) => ends[row]);
      return {
        point: Float64Array.from(own.flatMap(({ point }) => [...point])),
        q: own.reduce((sum, { q }) => sum + q, 0),
      };
    });
  }

  /** The stability of some rows' ends, in their order. Null: of a Jacobian that is not finite there is none. */
  async stabilities(rows: readonly number[]): Promise<(Stability | null)[]> {
    const found = new Map<number, Stability | null>(rows.map((row) => [row, { spectral_radius: 0, unstable: 0 }]));
    for (const { map, ends } of rows.length ? this.#layers : []) {
      await map.jacobians(ends.map(({ point }) => point), rows, (row, jacobian) => {
        const known = found.get(row) ?? null, own = known && stabilityOf(jacobian);
        found.set(
          row,
          own && known && {
            spectral_radius: Math.max(known.spectral_radius, own.spectral_radius),
            unstable: known.unstable + own.unstable,
          },
        );
      });
      this.signal?.throwIfAborted();
    }
    return rows.map((row) => found.get(row)!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#maps.disposeAsync();
  }
}

/** @returns null where the Jacobian is not finite: the method for eigenvalues might never end */
function stabilityOf(jacobian: Float64Array[]): Stability | null {
  if (!jacobian.every((row) => row.every(Number.isFinite))) return null;
  const { realEigenvalues, imaginaryEigenvalues } = new EigenvalueDecomposition(Matrix.checkMatrix(jacobian));
  const sizes = realEigenvalues.map((real, i) => Math.hypot(real, imaginaryEigenvalues[i]));
  return {
    spectral_radius: sizes.reduce((a, b) => Math.max(a, b), 0),
    unstable: sizes.filter((size) => size > 1).length,
  };
}
