/** `train --gpu`: a process for each card that is meant. It is `task.ts` that chooses: the confined task may neither set variables nor start processes. */
import { UserError } from "../cells/errors.ts";
import { type Card, CARD_ENGINE } from "../train/engines/webgpu/cards/card.ts";
import { cardLine, choicesFor, hasDeviceSelect, takeCard } from "../train/engines/webgpu/cards/choice.ts";
import { listCards } from "../train/engines/webgpu/cards/list.ts";
import { type Command, runSideBySide } from "../train/process/side_by_side.ts";
import { asksHelp, EXIT, type Flag, splitList, valueIn } from "../train/terminal/flag.ts";
import { print, printError } from "../train/terminal/output.ts";
import { plural } from "../train/terminal/words.ts";

/** More cards than any machine has. */
const MOST_GPUS = 64;
const ALL = "all";

/** Which cards: all, or these, counted from 0. */
export type GpuChoice = typeof ALL | readonly number[];

/**
 * Cards as a flag takes them: `all`, or `0,1`.
 *
 * @throws {Error} whose message says what they must be
 */
export function parseGpus(text: string): GpuChoice {
  if (text.trim() === ALL) return ALL;
  const numbers = splitList(text, MOST_GPUS).map((part) => {
    if (!/^\d{1,2}$/.test(part) || Number(part) >= MOST_GPUS) {
      throw new Error(`must be ${ALL}, or numbers of cards from 0 to ${MOST_GPUS - 1}, separated by commas`);
    }
    return Number(part);
  });
  const repeated = numbers.find((number, i) => numbers.indexOf(number) < i);
  if (repeated !== undefined) throw new Error(`must name ${repeated} once`);
  return numbers;
}

export const gpuFlag: Flag<GpuChoice | undefined> = {
  usage: "--gpu <list>",
  help:
    "train on these GPUs, one process on each: all, or indices from 0 as nvidia-smi shows them, such as 0,1; --limit applies to each",
  parse: parseGpus,
  fallback: undefined,
};

/** What a command line says of cards; undefined where it says nothing, asks for help, or is wrong, which the task itself will say. */
export function gpusIn(args: readonly string[]): GpuChoice | undefined {
  const text = valueIn(args, "gpu");
  if (text === undefined || asksHelp(args)) return undefined;
  try {
    return parseGpus(text);
  } catch {
    return undefined;
  }
}

/** The command line of the process for one of the cards. */
export function argsForGpu(args: readonly string[], gpu: number): string[] {
  const at = args.findIndex((arg) => arg === "--gpu" || arg.startsWith("--gpu="));
  return args.toSpliced(at, args[at] === "--gpu" ? 2 : 1, `--gpu=${gpu}`);
}

/**
 * The cards that are meant, by number.
 *
 * @throws {UserError} if there is none of a number, or what else was asked for does not go with them
 */
export function chosenGpus(choice: GpuChoice, cards: readonly Card[], args: readonly string[]): number[] {
  const engine = valueIn(args, "engine"), asked = `--gpu ${choice === ALL ? ALL : choice.join(",")}`;
  if (engine !== undefined && engine !== "auto" && engine !== CARD_ENGINE) {
    throw new UserError(
      `Cannot use ${asked} with --engine ${engine}: cards are for --engine ${CARD_ENGINE}; leave one of them out`,
    );
  }
  if (!cards.length) {
    throw new UserError(`Cannot use ${asked}: Vulkan shows no card here; install the cards' Vulkan driver`);
  }
  const gpus = choice === ALL ? cards.map((_, i) => i) : [...choice], missing = gpus.find((gpu) => gpu >= cards.length);
  if (missing !== undefined) {
    throw new UserError(
      `Cannot use --gpu ${missing}: Vulkan shows ${plural(cards.length, "card")} here, must be 0 to ${
        cards.length - 1
      }`,
    );
  }
  if (engine !== CARD_ENGINE && gpus.some((gpu) => cards[gpu].software)) {
    throw new UserError(
      `Cannot use ${asked} with --engine auto: the cards are software adapters, for which auto trains on the CPU; add --engine ${CARD_ENGINE}`,
    );
  }
  if (gpus.length > 1 && valueIn(args, "shard") !== undefined) {
    throw new UserError(
      `Cannot use ${asked} with --shard: the processes of one share would take over each other's runs; start one command per card, each with its own share`,
    );
  }
  return gpus;
}

/** How `task.ts` starts the task. */
export interface Launcher {
  /** Runs it in this process; resolves to its exit code. */
  readonly here: () => Promise<number>;
  /** The program and arguments that start it in another, given its command line. */
  readonly command: (args: readonly string[]) => string[];
}

/** Trains on the cards that are meant; resolves to the highest exit code. */
export async function trainOnGpus(choice: GpuChoice, args: readonly string[], launcher: Launcher): Promise<number> {
  try {
    const cards = listCards(), gpus = chosenGpus(choice, cards, args), hasLayer = hasDeviceSelect();
    // Where a card cannot be chosen that is said once, and before any is at work.
    for (const gpu of gpus) choicesFor(cards[gpu], cards, hasLayer);
    if (gpus.length > 1) return await runSideBySide(gpus.map((gpu) => commandFor(gpu, args, launcher)));
    const [gpu] = gpus;
    const adapter = await takeCard(cards[gpu], gpu, cards, hasLayer);
    if (!args.includes("--quiet")) print(cardLine(cards[gpu], gpu, cards, adapter));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    printError(`train: ${error.message}`);
    return EXIT.usage;
  }
  return await launcher.here();
}

function commandFor(gpu: number, args: readonly string[], { command }: Launcher): Command {
  return { name: `gpu ${gpu}`, command: command(argsForGpu(args, gpu)) };
}
