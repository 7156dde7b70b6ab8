/** What a page with the WebGPU engine does in a browser, for `engine_test.ts`, which bundles and calls it. Nothing here may need Deno or Node.js. */
import { type CaseErrors, certifyGroup, type GoldenFile } from "../../train/golden.ts";
import { openTunedWebGpuEngine } from "../../train/engines/webgpu/engine.ts";
import { Pipelines } from "../../train/engines/webgpu/runtime/pipelines.ts";
import { train } from "./example.ts";

/** What the engine is in this browser, and how far it is from the numbers of each golden file. */
export interface Certified {
  readonly software: boolean;
  readonly hasDeno: boolean;
  readonly errors: readonly (readonly CaseErrors[])[];
}

async function certify(files: readonly GoldenFile[]): Promise<Certified> {
  // As on a GPU: SwiftShader would be given a kernel for each epilogue, and takes a second to compile one.
  const engine = await openTunedWebGpuEngine({ merging: "template" });
  if (!engine) throw new Error("this browser has no WebGPU adapter");
  try {
    const errors: CaseErrors[][] = [];
    for (const { settings, cases } of files) errors.push(await certifyGroup(engine, settings, cases));
    return { software: engine.software === true, hasDeno: "Deno" in globalThis, errors };
  } finally {
    await engine.close();
  }
}

/** The example of docs/browser.md in this browser. */
async function trainExample({ text, steps }: { readonly text: string; readonly steps: number }): Promise<number[]> {
  const engine = (await openTunedWebGpuEngine({ merging: "template" }))!;
  try {
    return [...await train(engine, new TextEncoder().encode(text), steps)];
  } finally {
    await engine.close();
  }
}

/** What is to be compiled: of each shader its module, of some a pipeline too. */
export interface Asked {
  readonly shaders: readonly { readonly key: string; readonly code: string; readonly asPipeline: boolean }[];
}

/** What a compiler says of some shaders. */
export interface Verdict {
  readonly limits: { readonly workgroupBytes: number; readonly invocations: number };
  readonly modules: number;
  readonly pipelines: number;
  readonly complaints: readonly string[];
}

/** Hands shaders to the compiler of a device that was asked for nothing: it has the limits that every WebGPU device has. */
async function compileAll({ shaders }: Asked): Promise<Verdict> {
  const device = await (await navigator.gpu.requestAdapter())!.requestDevice(), pipelines = new Pipelines(device);
  const complaints: string[] = [], compiled = { modules: 0, pipelines: 0 };
  for (const { key, code } of shaders) {
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    for (const { type, message, lineNum } of messages) {
      complaints.push(`${key}: ${type} in line ${lineNum}: ${message}`);
    }
    compiled.modules++;
  }
  await Promise.all(
    shaders.filter(({ asPipeline }) => asPipeline).map(async ({ key, code }) => {
      try {
        await pipelines.compile({ key, code: () => code });
        compiled.pipelines++;
      } catch (error) {
        complaints.push((error as Error).message);
      }
    }),
  );
  const { maxComputeWorkgroupStorageSize, maxComputeInvocationsPerWorkgroup } = device.limits;
  device.destroy();
  const limits = {
    workgroupBytes: maxComputeWorkgroupStorageSize,
    invocations: maxComputeInvocationsPerWorkgroup,
  };
  return { limits, ...compiled, complaints };
}

Object.assign(globalThis, { certify, compileAll, trainExample });
