/** Finds an adapter and opens a device with all that the adapter grants. */
import { EngineFailure } from "../engine.ts";

export interface Device {
  readonly device: GPUDevice;
  /** What the adapter calls itself. */
  readonly adapter: string;
  /** Whether the "GPU" is a program on the CPU (llvmpipe, SwiftShader). */
  readonly software: boolean;
  /** Rejects when the device is lost or reports an error outside any scope: whoever waits for a result must hear of it. */
  readonly failure: Promise<never>;
  /** Whether that has happened. */
  readonly failed: boolean;
}

/** Limits that kernels and arenas profit from; a device gets the small defaults unless it asks. */
const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

/** @returns undefined where no adapter is */
export async function openDevice(): Promise<Device | undefined> {
  quietLoader();
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return undefined;
  const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]]));
  const device = await adapter.requestDevice({ requiredLimits });
  const { description, device: name, vendor, isFallbackAdapter } = adapter.info;
  const label = description || name || vendor || "unknown adapter";
  let failed = false;
  const failure = new Promise<never>((_, reject) => {
    const fail = (kind: EngineFailure["kind"], why: string) => {
      failed = true;
      reject(new EngineFailure(kind, `Cannot go on with ${label}: ${why}`));
    };
    device.lost.then(({ message }) => fail("lost", `the device was lost${message ? `: ${message}` : ""}`));
    device.addEventListener("uncapturederror", (event) => {
      event.preventDefault();
      const { error } = event as GPUUncapturedErrorEvent;
      fail(error instanceof GPUOutOfMemoryError ? "memory" : "lost", error.message);
    });
  });
  // A device that is closed when nobody waits is no failure.
  failure.catch(() => {});
  return {
    device,
    failure,
    get failed() {
      return failed;
    },
    adapter: label,
    software: isFallbackAdapter || /llvmpipe|swiftshader|lavapipe/i.test(label),
  };
}

/** Mesa's loader complains on standard error where no session set this; any folder will do. */
function quietLoader(): void {
  const variable = "XDG_RUNTIME_DIR";
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (Deno.build.os === "linux" && !Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}
