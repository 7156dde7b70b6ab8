/** Graphs in float64 on ONNX Runtime: measures of a model's dynamics need its accuracy, and more products than JavaScript has time for. */
import type { Graph } from "../../cells/graph/graph.ts";
import type { Values } from "../../cells/graph/interpreter.ts";
import { exportOnnx, outputName } from "../engines/onnx/export.ts";
import type { ExportOptions } from "../engines/onnx/model_writer.ts";
import type { TensorData } from "../engines/onnx/runtime.ts";
import type { Session } from "../engines/onnx/session.ts";

/** What a graph is opened with. */
export interface Float64Options extends Pick<ExportOptions, "stacked"> {
  /** Inputs that stay the same in every run; those that the graph has not are left out. */
  readonly weights: ReadonlyMap<string, Values>;
}

/** A graph with its weights, opened. Equal to `interpret` within rounding, and ten times as fast where products are large. */
export class Float64Graph implements AsyncDisposable {
  readonly #dims: ReadonlyMap<string, readonly number[]>;

  private constructor(
    private readonly graph: Graph,
    /** Absent where there is nothing to compute: the library takes no model without an output. */
    private readonly session: Session | undefined,
    { weights, stacked }: Float64Options,
  ) {
    const fed = [...graph.inputs].filter(([name]) => !weights.has(name));
    this.#dims = new Map(fed.map(([name, { shape }]) => [
      name,
      stacked?.names.has(name) ? [stacked.count, ...shape] : shape,
    ]));
  }

  /** Opens a graph, on one thread. */
  static async open(graph: Graph, options: Float64Options): Promise<Float64Graph> {
    const { weights, stacked } = options;
    if (!graph.outputs.size) return new Float64Graph(graph, undefined, options);
    const model = exportOnnx(graph, { weights, stacked, precision: "float64" });
    // Here and not before: whoever imports the library may have no permission to load native code, as the module of a space has none.
    const { openSession } = await import("../engines/onnx/session.ts");
    return new Float64Graph(graph, await openSession(model, 1, { optimization: "basic" }), options);
  }

  /**
   * Runs it once.
   *
   * @param feeds every input that is no weight, row-major; bytes and tokens as numbers. More than the graph has may be in it
   * @returns every output, under the graph's names
   */
  async run(feeds: ReadonlyMap<string, Values>): Promise<Map<string, Values>> {
    const given: Record<string, TensorData> = {};
    for (const [name, dims] of this.#dims) {
      const values = feeds.get(name);
      if (!values) throw new TypeError(`Cannot run the graph: input '${name}' has no value`);
      given[name] = this.graph.inputs.get(name)!.dtype === "index"
        ? { type: "int64", data: BigInt64Array.from(values, BigInt), dims, location: "cpu" }
        : { type: "float64", data: values, dims, location: "cpu" };
    }
    const results = await this.session?.run(given) ?? {};
    return new Map([...this.graph.outputs.keys()].map((name) => {
      const { data } = results[outputName(this.graph, name)];
      return [name, data as Values];
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session?.release();
  }
}
