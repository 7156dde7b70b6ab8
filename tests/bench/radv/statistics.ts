/** What RADV says of the shaders that it compiles, from the text that `RADV_DEBUG=shaderstats` puts on standard error. */

/** Stands before a kernel's name, on a line of its own, before the kernel is compiled. */
export const KERNEL_MARK = "kernel: ";
/** Stands before the driver's name and version, which the layer prints when the device is opened. */
export const DRIVER_MARK = "driver: ";

/** RADV's word for each figure. */
const FIGURES = {
  sgprs: "SGPRs",
  vgprs: "VGPRs",
  spilled_sgprs: "Spilled SGPRs",
  spilled_vgprs: "Spilled VGPRs",
  lds_bytes: "LDS size",
  scratch_bytes: "Scratch size",
  waves_per_simd: "Subgroups per SIMD",
  code_bytes: "Code size",
  instructions: "Instructions",
} as const;

export type Figures = { readonly [K in keyof typeof FIGURES]: number };

export interface KernelStatistics extends Figures {
  readonly kernel: string;
}

/** @returns the driver, and the figures of each kernel by the name that stands before them; a repeated kernel has its first ones */
export function parseStatistics(text: string): { driver: string; kernels: KernelStatistics[] } {
  const driver = text.match(new RegExp(`^${DRIVER_MARK}(.+)$`, "m"))?.[1];
  if (driver === undefined) {
    throw new Error(`Cannot read RADV's statistics: no line begins with '${DRIVER_MARK.trim()}'`);
  }
  const [, ...parts] = text.split(new RegExp(`^${KERNEL_MARK}`, "m"));
  const kernels = parts.flatMap((part): KernelStatistics[] => {
    const [kernel] = part.split("\n", 1);
    const blocks = part.split("*** SHADER STATS ***").slice(1);
    if (!blocks.length) return [];
    if (blocks.length > 1) {
      throw new Error(`Cannot read RADV's statistics: kernel '${kernel}' has ${blocks.length} shaders`);
    }
    const figures = Object.entries(FIGURES).map(([key, word]) => {
      const value = blocks[0].match(new RegExp(`^${word}: (\\d+)`, "m"))?.[1];
      if (value === undefined) throw new Error(`Cannot read RADV's statistics: kernel '${kernel}' has no '${word}'`);
      return [key, Number(value)];
    });
    return [{ kernel, ...Object.fromEntries(figures) as Figures }];
  });
  return { driver, kernels };
}

/** The figures as a Markdown table. */
export function toTable(kernels: readonly KernelStatistics[]): string {
  const keys = Object.keys(FIGURES) as (keyof Figures)[];
  const line = (cells: readonly unknown[]) => `| ${cells.join(" | ")} |`;
  return [
    line(["kernel", ...keys.map((key) => key.replaceAll("_", " "))]),
    line(["---", ...keys.map(() => "--:")]),
    ...kernels.map((row) => line([row.kernel, ...keys.map((key) => row[key])])),
  ].join("\n");
}
