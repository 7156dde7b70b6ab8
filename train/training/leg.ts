/** Who trained which steps of a run. */
import * as z from "zod";

/** The version that checkpoints come from that name none. */
export const UNNAMED_VERSION = "0.1.0";

/** Who did some of a run's steps: an engine on an adapter, of a version of this program. */
export const legSchema = z.object({
  engine: z.string(),
  adapter: z.string(),
  steps: z.number().int().nonnegative(),
  /** Absent in checkpoints of {@linkcode UNNAMED_VERSION}. */
  cellspace_version: z.string().optional(),
});
export type Leg = z.infer<typeof legSchema>;
