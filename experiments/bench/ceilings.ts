/** What an adapter can do at most, measured on it: arithmetic alone, memory alone, and our own product where nothing holds it up. */
import { input, linear } from "../../cells/graph/builder.ts";
import { productFlop } from "../../cells/graph/cost.ts";
import { buildGraph } from "../../cells/graph/graph.ts";
import { tilesFor } from "../../train/engines/webgpu/engine.ts";
import {
  destroyBuffers,
  FLOAT_BYTES,
  makeArena,
  makeBuffer,
  makeBuffers,
} from "../../train/engines/webgpu/runtime/buffers.ts";
import { type Device, openDevice } from "../../train/engines/webgpu/runtime/device.ts";
import { Pipelines } from "../../train/engines/webgpu/runtime/pipelines.ts";
import { Program } from "../../train/engines/webgpu/runtime/program.ts";
import { EpilogueRegistry, planGraph } from "../../train/engines/webgpu/kernels/schedule.ts";
import { Texts } from "../../train/engines/webgpu/runtime/texts.ts";
import { randomStream } from "../../train/corpus/random.ts";
import { median } from "./median.ts";

export interface Ceilings {
  readonly adapter: string;
  readonly software: boolean;
  /** Fused multiplications and additions in registers, two operations each. */
  readonly fma_gflop_per_second: number;
  /** A copy from one buffer to another, bytes read plus bytes written. */
  readonly copy_gb_per_second: number;
  /** Our product of two square matrices. */
  readonly product_gflop_per_second: number;
  readonly product_size: number;
}

/** Sizes of what is measured: on a software adapter small ones, which show that it works. */
interface Sizes {
  readonly fmaWorkgroups: number;
  readonly copyBytes: number;
  readonly product: number;
  readonly rounds: number;
}

const GPU: Sizes = { fmaWorkgroups: 16_384, copyBytes: 2 ** 29, product: 4096, rounds: 5 };
const SOFTWARE: Sizes = { fmaWorkgroups: 64, copyBytes: 2 ** 24, product: 512, rounds: 3 };

/** @returns undefined where no adapter is */
export async function measureCeilings(): Promise<Ceilings | undefined> {
  const opened = await openDevice();
  if (!opened) return undefined;
  try {
    const sizes = opened.software ? SOFTWARE : GPU;
    return {
      adapter: opened.adapter,
      software: opened.software,
      fma_gflop_per_second: await fma(opened, sizes),
      copy_gb_per_second: await copy(opened, sizes),
      product_gflop_per_second: await product(opened, sizes),
      product_size: sizes.product,
    };
  } finally {
    opened.device.destroy();
  }
}

/** Seconds for which a round is to last at least: shorter ones would catch a GPU before its clock has risen. */
const ROUND_SECONDS = 0.2;

/** Seconds of what is recorded: the median of some rounds, each of as many repetitions as make it long enough. */
async function time(device: GPUDevice, rounds: number, record: (pass: GPUComputePassEncoder) => void): Promise<number> {
  const repeated = (times: number) =>
    timeOnce(device, (pass) => {
      for (let i = 0; i < times; i++) record(pass);
    });
  // The first also compiles, the second tells how long one takes.
  await repeated(1);
  const repetitions = Math.max(1, Math.min(10_000, Math.ceil(ROUND_SECONDS / await repeated(1))));
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) seconds.push(await repeated(repetitions) / repetitions);
  return median(seconds);
}

/** Seconds of what is recorded, by timestamps where the device has them. */
async function timeOnce(device: GPUDevice, record: (pass: GPUComputePassEncoder) => void): Promise<number> {
  const hasClock = device.features.has("timestamp-query");
  const querySet = hasClock ? device.createQuerySet({ type: "timestamp", count: 2 }) : undefined;
  const { QUERY_RESOLVE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  const resolved = device.createBuffer({ size: 16, usage: QUERY_RESOLVE | COPY_SRC });
  const staging = device.createBuffer({ size: 16, usage: MAP_READ | COPY_DST });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass(
    querySet && { timestampWrites: { querySet, beginningOfPassWriteIndex: 0, endOfPassWriteIndex: 1 } },
  );
  record(pass);
  pass.end();
  if (querySet) encoder.resolveQuerySet(querySet, 0, 2, resolved, 0);
  encoder.copyBufferToBuffer(resolved, 0, staging, 0, 16);
  const begun = performance.now();
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const wall = (performance.now() - begun) / 1000;
  const [start, end] = new BigUint64Array(staging.getMappedRange().slice(0));
  staging.destroy();
  querySet?.destroy();
  resolved.destroy();
  return querySet ? Number(end - start) / 1e9 : wall;
}

function simplePipeline(device: GPUDevice, code: string, buffers: readonly GPUBuffer[]) {
  const pipeline = device.createComputePipeline({
    layout: "auto",
    compute: { module: device.createShaderModule({ code }), entryPoint: "main" },
  });
  const entries = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const bindGroup = device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  return (pass: GPUComputePassEncoder, workgroups: number) => {
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, bindGroup);
    pass.dispatchWorkgroups(Math.min(workgroups, 32_768), Math.ceil(workgroups / 32_768));
  };
}

const FMA = { chains: 8, unrolled: 16, loops: 64 };

async function fma({ device }: Device, { fmaWorkgroups, rounds }: Sizes): Promise<number> {
  const sums = Array.from({ length: FMA.chains }, (_, i) => `s${i}`);
  const step = sums.map((s) => `${s} = fma(${s}, factor, term);`).join(" ");
  const code = `
@group(0) @binding(0) var<storage, read_write> result: array<vec4f>;
@compute @workgroup_size(64) fn main(@builtin(workgroup_id) w: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  // From memory, so that nothing is worked out when this is compiled.
  let factor = result[0]; let term = result[1];
  ${sums.map((s, i) => `var ${s} = vec4f(f32(local + ${i}u));`).join(" ")}
  for (var i = 0u; i < ${FMA.loops}u; i++) { ${step.concat(" ").repeat(FMA.unrolled)} }
  // Never true, which only the one who reads the memory knows.
  if (factor.x > 2.0) { result[2] = ${sums.join(" + ")}; }
}`;
  const buffer = makeBuffer(device, 64, GPUBufferUsage.STORAGE);
  device.queue.writeBuffer(buffer, 0, Float32Array.of(0.999, 0.998, 0.997, 0.996, 0.1, 0.2, 0.3, 0.4));
  const dispatch = simplePipeline(device, code, [buffer]);
  const seconds = await time(device, rounds, (pass) => dispatch(pass, fmaWorkgroups));
  buffer.destroy();
  return 2 * 4 * FMA.chains * FMA.unrolled * FMA.loops * 64 * fmaWorkgroups / seconds / 1e9;
}

async function copy({ device }: Device, { copyBytes, rounds }: Sizes): Promise<number> {
  const bytes = Math.min(copyBytes, device.limits.maxStorageBufferBindingSize);
  const code = `
@group(0) @binding(0) var<storage, read> source: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> target_buffer: array<vec4f>;
@compute @workgroup_size(64) fn main(
  @builtin(workgroup_id) w: vec3<u32>, @builtin(num_workgroups) n: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let at = (w.y * n.x + w.x) * 64u + local;
  if (at < arrayLength(&source)) { target_buffer[at] = source[at]; }
}`;
  const buffers = [0, 1].map(() => makeBuffer(device, bytes, GPUBufferUsage.STORAGE));
  const dispatch = simplePipeline(device, code, buffers);
  const seconds = await time(device, rounds, (pass) => dispatch(pass, bytes / 16 / 64));
  for (const buffer of buffers) buffer.destroy();
  return 2 * bytes / seconds / 1e9;
}

async function product(opened: Device, { product: size, rounds }: Sizes): Promise<number> {
  const { device } = opened;
  const [x, weight, bias] = [input("x", [size, size]), input("weight", [size, size]), input("bias", [size])];
  const graph = buildGraph({ y: linear([x], weight, bias) });
  const plan = planGraph(graph);
  const { maxStorageBufferBindingSize: memory } = device.limits;
  const tools = {
    opened,
    pipelines: new Pipelines(device),
    texts: new Texts(device),
    epilogues: new EpilogueRegistry("epilogue", tilesFor(opened.adapter, opened.software)),
    memory,
  };
  const group = { slots: 1, batch: size, tokenBytes: 1, scalars: 0, reach: 0 };
  // The product reads no text.
  const noText = makeBuffer(device, 4, GPUBufferUsage.STORAGE);
  const arena = makeArena(device, plan.memory.size);
  const buffers = makeBuffers(tools, group, noText);
  // Random numbers: on zeros a GPU draws less power and may run faster.
  const stream = randomStream(0, "ceilings");
  const values = new Float32Array(size * size).map(() => stream.uniform() - 0.5);
  for (const tensor of [x, weight]) {
    device.queue.writeBuffer(arena, plan.memory.offsets.get(tensor)! * FLOAT_BYTES, values);
  }
  const program = await Program.build(tools, [{ plan, slot: 0, base: 0 }], 1, group, { ...buffers, arena });
  const seconds = await time(device, rounds, (pass) => program.recordStep(pass, 0));
  program.destroy();
  arena.destroy();
  destroyBuffers(buffers);
  noText.destroy();
  return productFlop(graph) / seconds / 1e9;
}
