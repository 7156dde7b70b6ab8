/** The version of this program. Its first two parts move whenever a number that it computes, or a file that it writes, comes out otherwise. */
import project from "../deno.json" with { type: "json" };

export const CELLSPACE_VERSION: string = project.version;

/** The parts of a version that numbers go by: `0.2` of `0.2.1`. Versions that agree in them compute the same. */
export function numbersOf(version: string): string {
  return version.split(".", 2).join(".");
}
