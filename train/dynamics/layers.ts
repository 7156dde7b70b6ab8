/** Which layer of a stack a name belongs to. */

/** The layer of a weight or state, from 0: `layers.1.h` is of layer 1. -1: of none, as the embeddings. */
export function layerOf(name: string): number {
  return Number(/^layers\.(\d+)\./.exec(name)?.[1] ?? -1);
}
