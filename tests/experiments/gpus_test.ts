/** `--gpu`: what it takes, what is refused, and the processes that it starts. */
import assert from "node:assert/strict";
import { argsForGpu, chosenGpus, gpusIn, parseGpus } from "../../experiments/gpus.ts";
import { commandOf, permissionsOf, TASKS } from "../../task.ts";
import { CHOICE_VARIABLES, LAYER_OFF } from "../../train/engines/webgpu/cards/choice.ts";
import type { Card } from "../../train/engines/webgpu/cards/card.ts";
import config from "../../deno.json" with { type: "json" };
import { task } from "./tasks.ts";

const CARDS: Card[] = [0x2204, 0x2206].map((device) => ({ name: "card", vendor: 0x10de, device, software: false }));

Deno.test("parseGpus() takes all, or numbers of cards once each, and nothing else", () => {
  assert.equal(parseGpus(" all "), "all");
  assert.deepEqual(parseGpus("1, 0,63"), [1, 0, 63]);
  for (const wrong of ["", "x", "-1", "1.5", "64", "0,", "all,1", "0x1", "100"]) {
    assert.throws(() => parseGpus(wrong), {
      message: "must be all, or numbers of cards from 0 to 63, separated by commas",
    });
  }
  assert.throws(() => parseGpus("1,0,1"), { message: "must name 1 once" });
  assert.throws(() => parseGpus("1,01"), { message: "must name 1 once" });
});

Deno.test("gpusIn() leaves to the task what it says itself: a wrong value, and help", () => {
  assert.deepEqual(gpusIn(["--dir", "a", "--gpu=0,1"]), [0, 1]);
  const help = [["--gpu", "all", "--help"], ["-h", "--gpu", "all"]];
  for (const args of [[], ["--gpu", "x"], ["--gpu"], ...help, ["--", "--gpu", "all"]]) {
    assert.equal(gpusIn(args), undefined, args.join(" "));
  }
});

Deno.test("argsForGpu() names one card, and leaves the rest of a command line as it is", () => {
  assert.deepEqual(argsForGpu(["--dir", "a", "--gpu", "0,1", "--quiet"], 1), ["--dir", "a", "--gpu=1", "--quiet"]);
  assert.deepEqual(argsForGpu(["--gpu=all", "--only", "k=1"], 0), ["--gpu=0", "--only", "k=1"]);
});

Deno.test("chosenGpus() takes cards that there are, in the order asked for", () => {
  assert.deepEqual(chosenGpus("all", CARDS, []), [0, 1]);
  assert.deepEqual(chosenGpus([1, 0], CARDS, ["--engine", "webgpu"]), [1, 0]);
  assert.deepEqual(chosenGpus([1], CARDS, ["--shard", "1/2"]), [1]);
});

Deno.test("chosenGpus() refuses what there is not, and what does not go with cards", () => {
  const refused = (message: string, ...[choice, cards, args]: Parameters<typeof chosenGpus>) =>
    assert.throws(() => chosenGpus(choice, cards, args), { name: "UserError", message });
  refused("Cannot use --gpu 2: Vulkan shows 2 cards here, must be 0 to 1", [0, 2], CARDS, []);
  refused("Cannot use --gpu all: Vulkan shows no card here; install the cards' Vulkan driver", "all", [], []);
  refused("Cannot use --gpu 0 with --engine onnx: cards are for --engine webgpu; leave one of them out", [0], CARDS, [
    "--engine=onnx",
  ]);
  const software = CARDS.map((card) => ({ ...card, software: true }));
  refused(
    "Cannot use --gpu 0 with --engine auto: the cards are software adapters, for which auto trains on the CPU; add --engine webgpu",
    [0],
    software,
    [],
  );
  assert.deepEqual(chosenGpus([0], software, ["--engine", "webgpu"]), [0]);
  refused(
    "Cannot use --gpu 0,1 with --shard: the processes of one share would take over each other's runs; " +
      "start one command per card, each with its own share",
    [0, 1],
    CARDS,
    ["--shard", "1/2"],
  );
});

Deno.test("commandOf() starts a task as its command does, and lets it start no other process", () => {
  const args = commandOf("train")(["--gpu=1", "--dir", "a"]);
  assert.deepEqual(args.slice(0, 2), ["deno", "run"]);
  assert.deepEqual(args.slice(-5, -3).map((part) => part.replace(/.*[\\/]/, "")), ["task.ts", "train"]);
  assert.deepEqual(args.slice(-3), ["--gpu=1", "--dir", "a"]);
  const flags = config.tasks.train.command.split(" ").filter((part) => part.startsWith("--"));
  assert.deepEqual(args.filter((part) => part.startsWith("--") && part !== "--gpu=1" && part !== "--dir"), [
    ...flags.filter((flag) => flag !== "--allow-run=deno"),
  ]);
  assert.ok(flags.includes("--allow-run=deno"));
});

Deno.test("the command of train lets it set every variable that chooses a card, and the confined task none", async () => {
  const [, names] = /--allow-env=(\S+)/.exec(config.tasks.train.command)!,
    { env } = await permissionsOf(TASKS.train, []);
  for (const name of [...CHOICE_VARIABLES, LAYER_OFF]) {
    assert.ok(names.split(",").includes(name), name);
    assert.ok(!(env as string[]).includes(name), name);
  }
});

Deno.test("train refuses a card that there is not in one line", async () => {
  const { code, err } = await task("train", "--gpu", "63");
  assert.equal(code, 2, err);
  assert.match(
    err,
    /^train: Cannot use --gpu 63: Vulkan shows (\d+ cards? here, must be 0 to \d+|no card here; .*)$|libvulkan/,
  );
  const both = await task("train", "--gpu", "0", "--engine", "onnx");
  assert.deepEqual([both.code, both.err], [
    2,
    "train: Cannot use --gpu 0 with --engine onnx: cards are for --engine webgpu; leave one of them out",
  ]);
});
