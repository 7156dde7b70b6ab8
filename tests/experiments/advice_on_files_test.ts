/** What is said of an experiment without runs, of models, and of files that are in the way. */
import { join } from "node:path";
import { remove, testAdvice, TRAIN } from "./advice.ts";
import { halve } from "./small_study.ts";

testAdvice("what a message about runs, models or files says to do mends what it is about", [
  {
    name: "experiment 02, which is trained, reported, exported and sampled, has no list",
    damage: () => {},
    meets: [
      [`${TRAIN} --experiment 02`, /it has no configurations; run 'deno task init --dir .* --experiment 02'$/],
      ...["report", "export", "sample"].map((name) =>
        [`${name} --experiment 02`, /; list some with 'deno task init --dir .* --experiment 02'$/] as const
      ),
    ],
    then: "status --experiment 02",
  },
  {
    name: "a model is damaged, and another is missing",
    damage(small) {
      halve(small.model(0));
      remove(small.model(1));
    },
    meets: ["RUN0", "RUN1"].map((run) => [
      `sample --bytes 5 --id ${run}`,
      /export it again with 'deno task evaluate --dir .* --again'$/,
    ]),
  },
  {
    name: "no run has finished or begun",
    damage: ({ dir }) => remove(join(dir, "results_01_all")),
    meets: [
      ["report", /no run of experiment 01 has finished; train some with 'deno task train --dir .*'$/],
      ["export", /no run of experiment 01 has begun; train some with 'deno task train --dir .*'$/],
    ],
    fill: (command) => `${command} --engine onnx --limit 1`,
  },
  {
    name: "the queue is no database",
    damage: ({ queue }) => Deno.writeTextFileSync(queue, "no database, but long enough for one".repeat(50)),
    meets: [[TRAIN, /move it away, and the next command creates a new one$/]],
    by: [({ queue }) => remove(queue)],
  },
  {
    name: "a file is where a folder must be",
    damage: ({ dir }) => {
      remove(join(dir, "models_01_all"));
      Deno.writeTextFileSync(join(dir, "models_01_all"), "");
    },
    meets: [[TRAIN, /a file is where a folder must be; move it away$/]],
    by: [({ dir }) => remove(join(dir, "models_01_all"))],
  },
  {
    name: "somebody's page is in the report's place",
    damage: ({ dir }) => Deno.writeTextFileSync(join(dir, "report_01_all.html"), "<p>mine"),
    meets: [["report", /report_01_all\.html: it exists, and cellspace did not write it; move it away$/]],
    by: [({ dir }) => remove(join(dir, "report_01_all.html"))],
  },
]);
