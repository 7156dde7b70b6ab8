/** The parts of a study: nothing but their names, which `task.ts` needs before a task starts. */

/** A part of a study with a list of its own: `01`, or `02` for the best of it, trained longer, wider and deeper. */
export type Experiment = "01" | "02";
export const EXPERIMENTS = ["01", "02"] as const satisfies readonly Experiment[];
