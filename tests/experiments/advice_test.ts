/** What is said of a damaged study, its text and its list. */
import { join } from "node:path";
import { flagsInWords } from "../../experiments/study/levels.ts";
import { remove, testAdvice, TRAIN } from "./advice.ts";
import { cut, editJson, halve } from "./small_study.ts";

testAdvice("what a message about a study or its list says to do mends what it is about", [
  {
    name: "the study's text was moved, before it is trained further and before it is extended",
    damage: ({ dir, corpus }) => Deno.renameSync(corpus, join(dir, "moved.txt")),
    meets: [TRAIN, "init --seeds 2"].map((task) => [
      task,
      /; restore .*, or give its new path with 'deno task init --dir .* --corpus FILE'$/,
    ]),
    fill: (command, { dir }) => command.replace("FILE", `"${join(dir, "moved.txt")}"`),
  },
  {
    name: "there is no study",
    damage: ({ dir }) => [...Deno.readDirSync(dir)].forEach(({ name }) => remove(join(dir, name))),
    meets: [["status", /has no study\.json; make one with 'deno task init --dir .*'$/]],
    // The whole grid takes more than a day without a GPU, and 'init' asks for the flag then.
    fill: (command) => `${command} --yes`,
  },
  {
    name: "study.json is damaged",
    damage: ({ settings }) => halve(settings),
    meets: [[
      "status",
      /; fix it, or move it away and create it again with 'deno task init --dir .*' and the same flags$/,
    ]],
    by: [({ settings }) => remove(settings)],
    fill: (command, { corpus }) => `${command} --corpus "${corpus}" --batch 8 --history 51 --steps 100`,
  },
  {
    name: "study.json is made anew in another way than the results were trained",
    damage: ({ settings }) => remove(settings),
    meets: [[
      "init",
      /its results have batch 8 and history 51, .*; ask for those with --batch 8 --history 51, or start another with --dir$/,
    ]],
    then: "status",
    fill: (_, { dir, corpus }, message) =>
      `deno task init --dir "${dir}" --corpus "${corpus}" --steps 100 ${
        message.match(/(--batch \d+ --history \d+)/)![1]
      }`,
  },
  {
    name: "the list is damaged",
    damage: ({ list }) => cut(list, 100),
    meets: [["status", RegExp(`'deno task init --dir .*', with the same ${flagsInWords("conjunction")}$`)]],
    by: [({ list }) => remove(list)],
    fill: (command) => `${command} --state-size 8 --layers 1`,
  },
  {
    name: "there is no list",
    damage: ({ list }) => remove(list),
    meets: [[TRAIN, /it has no configurations; run 'deno task init --dir .*'$/]],
    then: "status",
  },
  {
    name: "a version without bounds gave the study too many seeds",
    damage: ({ settings }) => editJson(settings, (value) => value.seeds = 20_240_101),
    meets: [["status", /must be at most 1000; take seeds away with 'deno task init --dir .* --seeds 1'$/]],
  },
]);
