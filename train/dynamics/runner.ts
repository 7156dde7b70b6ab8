/** Stands in for Float64Graph until it is merged. */
import type { Graph } from "../../cells/graph/graph.ts";
import { interpret, type Values } from "../../cells/graph/interpreter.ts";

export class Float64Graph implements AsyncDisposable {
  private constructor(
    private readonly graph: Graph,
    private readonly weights: ReadonlyMap<string, Float64Array>,
  ) {}
  static open(graph: Graph, { weights }: { weights: ReadonlyMap<string, Float64Array> }): Promise<Float64Graph> {
    return Promise.resolve(new Float64Graph(graph, weights));
  }
  run(feeds: ReadonlyMap<string, Float64Array>): Promise<Map<string, Values>> {
    return Promise.resolve(interpret(this.graph, new Map([...this.weights, ...feeds])));
  }
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}
