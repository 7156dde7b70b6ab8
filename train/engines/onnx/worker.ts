/** One worker, one ONNX session, one run: `session.run` blocks its thread, so every session has a thread of its own. */
/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import * as ort from "onnxruntime-node";
import { messageOf } from "../../../cells/errors.ts";
import { adamScalars, INPUTS } from "../../../cells/language_model.ts";
import { sizeOf } from "../../../cells/graph/tensor.ts";
import { NEXT } from "./export.ts";
import type { NumberedRequest, OpenRequest, Reply } from "./protocol.ts";
import { openSession } from "./session.ts";

type Tensors = Record<string, ort.Tensor>;

class Run {
  readonly #bytes: BigInt64Array;
  readonly #targets: BigInt64Array;
  readonly #scalars: Record<string, Float32Array>;
  /** Two sets of feeds and fetches: a step reads one set's tensors and writes the other's. */
  readonly #sides: { feeds: Tensors; fetches: Tensors; carried: Record<string, Float32Array> }[];
  #side = 0;
  #offsets: Uint32Array = new Uint32Array();
  #position = 0;
  #stepsDone: number;

  constructor(private readonly session: ort.InferenceSession, private readonly request: OpenRequest) {
    const { batch, carried, results, tensors, shapes } = request;
    this.#bytes = new BigInt64Array(batch);
    this.#targets = new BigInt64Array(batch);
    this.#scalars = Object.fromEntries(Object.keys(adamScalars(1)).map((name) => [name, new Float32Array(1)]));
    this.#stepsDone = request.stepsDone;

    const tensor = (name: string, data: Float32Array) => new ort.Tensor("float32", data, shapes.get(name)!);
    const empty = (name: string) => new Float32Array(sizeOf(shapes.get(name)!));
    const fixed: Tensors = {
      [INPUTS.bytes]: new ort.Tensor("int64", this.#bytes, [batch]),
      [INPUTS.targets]: new ort.Tensor("int64", this.#targets, [batch]),
      ...mapRecord(this.#scalars, (data) => new ort.Tensor("float32", data, [])),
      ...Object.fromEntries(
        [...tensors].filter(([name]) => !carried.includes(name)).map((
          [name, v],
        ) => [name, tensor(name, Float32Array.from(v))]),
      ),
    };
    const sets = [
      Object.fromEntries(carried.map((name) => [name, Float32Array.from(tensors.get(name)!)])),
      Object.fromEntries(carried.map((name) => [name, empty(name)])),
    ];
    const outputs = Object.fromEntries(results.map((name) => [name, tensor(name, empty(name))]));
    this.#sides = sets.map((set, side) => ({
      carried: set,
      feeds: { ...fixed, ...mapRecord(set, (data, name) => tensor(name, data)) },
      fetches: {
        ...outputs,
        ...Object.fromEntries(Object.entries(sets[1 - side]).map(([name, data]) => [name + NEXT, tensor(name, data)])),
      },
    }));
    // A graph that does not read an input (a frozen model has no Adam) has none of that name.
    for (const side of this.#sides) {
      for (const name of Object.keys(side.feeds)) if (!session.inputNames.includes(name)) delete side.feeds[name];
    }
  }

  beginPass(offsets: Uint32Array, position: number): void {
    this.#offsets = offsets;
    this.#position = position;
    if (position > 0) return;
    for (const name of this.request.states) this.#sides[this.#side].carried[name].fill(0);
  }

  async advance(count: number): Promise<Float64Array<ArrayBuffer>> {
    const losses = new Float64Array(count);
    const { text, learningRate } = this.request;
    for (let i = 0; i < count; i++) {
      for (let row = 0; row < this.#offsets.length; row++) {
        const at = this.#offsets[row] + this.#position;
        this.#bytes[row] = BigInt(text[at]);
        this.#targets[row] = BigInt(text[at + 1]);
      }
      for (const [name, value] of Object.entries(adamScalars(++this.#stepsDone, learningRate))) {
        this.#scalars[name][0] = value;
      }
      const { feeds, fetches } = this.#sides[this.#side];
      await this.session.run(feeds, fetches);
      losses[i] = (fetches.loss.data as Float32Array)[0];
      this.#side = 1 - this.#side;
      this.#position++;
    }
    return losses;
  }

  /** Gives the session's native memory back, which ending the thread alone does not. */
  async close(): Promise<void> {
    await this.session.release();
  }

  read(): Map<string, Float32Array> {
    const written = this.#sides[1 - this.#side].fetches;
    return new Map([
      ...[...this.request.tensors].map(([name, v]): [string, Float32Array] => [name, Float32Array.from(v)]),
      ...Object.entries(this.#sides[this.#side].carried).map(([name, v]): [string, Float32Array] => [name, v.slice()]),
      ...this.request.results.map((
        name,
      ): [string, Float32Array] => [name, (written[name].data as Float32Array).slice()]),
    ]);
  }
}

function mapRecord<A, B>(record: Record<string, A>, f: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, f(value, key)]));
}

let run: Run | undefined;

async function answer(request: NumberedRequest): Promise<Omit<Reply, "number">> {
  if (request.kind === "open") {
    run = new Run(await openSession(request.model, request.threads), request);
    return {};
  }
  if (!run) throw new Error(`Cannot ${request.kind}: no run is open`);
  switch (request.kind) {
    case "begin_pass":
      run.beginPass(request.offsets, request.position);
      return {};
    case "advance":
      return { losses: await run.advance(request.count) };
    case "read":
      return { tensors: run.read() };
    case "close":
      await run.close();
      run = undefined;
      return {};
    default:
      return request satisfies never;
  }
}

// One request after the other: `advance` awaits, and the next request must not start in between.
let queue: Promise<unknown> = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<NumberedRequest>) => {
  queue = queue.then(async () => {
    const reply = await answer(data).catch((error: unknown) => ({
      error: messageOf(error),
    }));
    self.postMessage({ number: data.number, ...reply } satisfies Reply);
  });
};
