/** One run on ONNX Runtime: its session, its loops and its memory. */
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { readTokens } from "../engine.ts";
import { transpose } from "./layout.ts";
import { RunMemory } from "./memory.ts";
import type { Call, Location, LocationView } from "./plan.ts";
import type { AdvanceRequest, OpenRequest } from "./protocol.ts";
import type { Feeds, TensorData } from "./runtime.ts";
import { openSession, type Session } from "./session.ts";

type Loop = (...parameters: number[]) => void;

/** What the model reads and writes, and the loops after it. */
interface Side {
  readonly feeds: Feeds;
  readonly fetches: Feeds;
  readonly loops: readonly (() => void)[];
}

export class OnnxRun {
  /** Without the tensors, which live on in the memory. */
  readonly #request: Omit<OpenRequest, "tensors">;
  readonly #memory: RunMemory;
  readonly #locations: ReadonlyMap<string, Location>;
  /** For even steps, and for odd ones, in which swapped locations have changed places. */
  readonly #sides: readonly Side[];
  #side = 0;
  #offsets: Uint32Array = new Uint32Array();
  #position = 0;
  /** Where each scalar goes; undefined where nothing reads it, as in a model whose weights are all frozen. */
  readonly #scalars: readonly (Float32Array | undefined)[];
  readonly #indices: readonly string[];

  private constructor(
    private readonly session: Session,
    { tensors, ...request }: OpenRequest,
    loops: WebAssembly.Module,
  ) {
    this.#request = request;
    const { plan, batch, bptt, reads, scalarNames } = request;
    this.#locations = new Map(plan.locations.map((location) => [location.name, location]));
    this.#indices = reads.map(({ name }) => name);
    this.#memory = new RunMemory(plan.locations, this.#indices, bptt * batch);
    this.#scalars = scalarNames.map((name) => this.#locations.has(name) ? this.#memory.floats(name) : undefined);
    for (const { name, shape: [rows, columns], transposed } of plan.locations) {
      const given = tensors.get(name);
      if (given) this.#memory.floats(name).set(transposed ? transpose(given, columns, rows) : given);
    }
    const { exports } = new WebAssembly.Instance(loops, { env: { memory: this.#memory.memory } });
    this.#sides = [0, 1].map((side) => ({
      feeds: this.#feeds(side),
      fetches: this.#fetches(1 - side),
      loops: plan.calls.map((call) => this.#bind(call, exports[call.name] as Loop, side)),
    }));
  }

  static async open(request: OpenRequest): Promise<OnnxRun> {
    const loops = await WebAssembly.compile(request.plan.loops);
    const { plan, threads, bptt } = request;
    const session = await openSession(plan.model, threads, { memoryPattern: bptt === 1 });
    try {
      return new OnnxRun(session, request, loops);
    } catch (error) {
      await session.release();
      throw error;
    }
  }

  beginPass(offsets: Uint32Array, position: number): void {
    this.#offsets = offsets;
    this.#position = position;
    if (position > 0) return;
    for (const name of this.#request.states) this.#memory.floats(name, this.#side).fill(0);
  }

  async advance({ count, scalars }: AdvanceRequest): Promise<Float64Array<ArrayBuffer>> {
    const losses = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      this.#readText();
      this.#scalars.forEach((scalar, n) => scalar?.set([scalars[i * this.#scalars.length + n]]));
      const { feeds, fetches, loops } = this.#sides[this.#side];
      await this.session.run(feeds, fetches);
      for (const loop of loops) loop();
      losses[i] = this.#memory.floats("loss")[0];
      this.#side = 1 - this.#side;
      this.#position += this.#request.bptt;
    }
    return losses;
  }

  /** Copies of tensors as they are now, `[out, in]`. */
  read(names: readonly string[]): Map<string, Float32Array<ArrayBuffer>> {
    return new Map(names.map((name) => {
      const { shape: [rows, columns], transposed } = this.#locations.get(name)!;
      const floats = this.#memory.floats(name, this.#side);
      return [name, transposed ? transpose(floats, rows, columns) : Float32Array.from(floats)];
    }));
  }

  /** Gives the session's native memory back, which ending the thread alone does not. */
  async close(): Promise<void> {
    await this.session.release();
  }

  #readText(): void {
    const { text, reads, bptt } = this.#request;
    for (const { name, offset } of reads) {
      const tokens = this.#memory.tokens(name);
      readTokens(text, this.#offsets, this.#position + offset, bptt, (row, token) => tokens[2 * row] = token);
    }
  }

  /** What the model reads; of swapped locations, the copy `side`. */
  #feeds(side: number): Feeds {
    const feeds = new Map<string, TensorData>(
      this.#request.plan.inputs.map((view) => [view.name, this.#tensor(view, side)]),
    );
    for (const name of this.#indices) {
      const indices = this.#memory.indices(name);
      feeds.set(name, { type: "int64", data: indices, dims: [indices.length], location: "cpu" });
    }
    // Loops read some tensors alone, and a frozen model has no update.
    return Object.fromEntries(this.session.inputNames.map((name) => [name, feeds.get(name)!]));
  }

  #fetches(side: number): Feeds {
    return Object.fromEntries(this.#request.plan.outputs.map((view) => [view.name, this.#tensor(view, side)]));
  }

  #tensor({ location, first, shape }: LocationView, side: number): TensorData {
    const [, width = 1] = shape;
    const floats = this.#memory.floatsFrom(location, side, first * width, sizeOf(shape));
    return { type: "float32", data: floats, dims: shape, location: "cpu" };
  }

  #bind({ addresses, scalars, numbers }: Call, loop: Loop, side: number): () => void {
    const fixed = addresses.map((name) => this.#memory.address(name, side));
    const values = scalars.map((name) => this.#memory.floats(name, side));
    const parameters = [...fixed, ...values.map(() => 0), ...numbers];
    return () => {
      for (let i = 0; i < values.length; i++) parameters[fixed.length + i] = values[i][0];
      loop(...parameters);
    };
  }
}
