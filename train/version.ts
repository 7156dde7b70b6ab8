/** The version of this program. Its first two parts move whenever a number that it computes, or a file that it writes, comes out otherwise. */
import project from "../deno.json" with { type: "json" };

export const CELLSPACE_VERSION: string = project.version;
