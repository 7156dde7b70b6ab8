/** Finds an adapter and opens a device with all that the adapter grants. */

export interface Device {
  readonly device: GPUDevice;
  /** What the adapter calls itself. */
  readonly adapter: string;
  /** Whether the "GPU" is a program on the CPU (llvmpipe, SwiftShader). */
  readonly software: boolean;
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
  return { device, adapter: label, software: isFallbackAdapter || /llvmpipe|swiftshader|lavapipe/i.test(label) };
}

/** Mesa's loader complains on standard error where no session set this; any folder will do. */
function quietLoader(): void {
  const variable = "XDG_RUNTIME_DIR";
  if (Deno.permissions.querySync({ name: "env", variable }).state !== "granted") return;
  if (Deno.build.os === "linux" && !Deno.env.get(variable)) Deno.env.set(variable, "/tmp");
}
