/** Finds an adapter and opens a device with all that the adapter grants. */
import { EngineFailure } from "../../engine.ts";

/** What an adapter is. */
export interface AdapterNames {
  /** What it calls itself. */
  readonly adapter: string;
  /** Whether the "GPU" is a program on the CPU (llvmpipe, SwiftShader). */
  readonly software: boolean;
}

export interface Device extends AdapterNames {
  readonly device: GPUDevice;
  /** Whether the device is lost, or has reported an error outside any scope. */
  readonly failed: boolean;
  /** Waits for something of the device; rejects when the device fails, which may leave what is waited for open for ever. */
  unlessFailed<T>(result: Promise<T>): Promise<T>;
}

/** Limits that kernels and arenas profit from; a device gets the small defaults unless it asks. */
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** The adapter that {@linkcode openDevice} takes, without a device of it; undefined where none is. */
export async function findAdapter(): Promise<(AdapterNames & { readonly found: GPUAdapter }) | undefined> {
  quietLoader();
  const found = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!found) return undefined;
  const { description, device, vendor, isFallbackAdapter } = found.info;
  const adapter = description || device || vendor || "unknown adapter";
  return { found, adapter, software: isFallbackAdapter || /llvmpipe|swiftshader|lavapipe/i.test(adapter) };
}

/** @returns undefined where no adapter is */
export async function openDevice(): Promise<Device | undefined> {
  const own = await findAdapter();
  if (!own) return undefined;
  const { found: adapter, adapter: label, software } = own;
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  // Timestamps tell a benchmark where a step's time goes.
  const requiredFeatures: GPUFeatureName[] = adapter.features.has("timestamp-query") ? ["timestamp-query"] : [];
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  const failure = watch(device, label);
  return {
    device,
    get failed() {
      return failure.error !== undefined;
    },
    unlessFailed: (result) => failure.race(result),
    adapter: label,
    software,
  };
}

/** Listens for the device's failure. A race with one long-lived promise would keep every result alive that was raced with it. */
function watch(device: GPUDevice, label: string) {
  const waiting = new Set<(error: EngineFailure) => void>();
  const failure = {
    error: undefined as EngineFailure | undefined,
    race<T>(result: Promise<T>): Promise<T> {
      return new Promise((resolve, reject) => {
        if (failure.error) reject(failure.error);
        else waiting.add(reject);
        // A lost device may refuse its next work before it is heard of that it is lost.
        const refuse = (error: unknown) => void setTimeout(() => reject(failure.error ?? error));
        result.then(resolve, refuse).finally(() => waiting.delete(reject));
      });
    },
  };
  const fail = (kind: EngineFailure["kind"], why: string) => {
    failure.error ??= new EngineFailure(kind, `Cannot go on with ${label}: ${why}`);
    for (const reject of waiting) reject(failure.error);
    waiting.clear();
  };
  device.lost.then(({ message }) => fail("lost", `the device was lost${message ? `: ${message}` : ""}`));
  device.addEventListener("uncapturederror", (event) => {
    event.preventDefault();
    const { error } = event as GPUUncapturedErrorEvent;
    fail(error instanceof GPUOutOfMemoryError ? "memory" : "lost", error.message);
  });
  return failure;
}

/** Mesa's loader complains on standard error where no session set this; any folder will do. A browser has its own loader, and no `Deno`. */
function quietLoader(): void {
  if (!("Deno" in globalThis)) return;
  const variable = "XDG_RUNTIME_DIR";
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (Deno.build.os === "linux" && !Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}
