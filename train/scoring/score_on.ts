/** Chooses where scores are made: ONNX Runtime's WebGPU provider where that is a real adapter and right, else the CPU. */
import { messageOf, UserError } from "../../cells/errors.ts";
import { openDevice } from "../engines/webgpu/runtime/device.ts";
import type { ScoreProvider } from "./providers.ts";

/** What `--score-on` may say. */
export const SCORE_CHOICES = ["auto", "cpu", "webgpu"] as const satisfies readonly (ScoreProvider | "auto")[];
export type ScoreChoice = typeof SCORE_CHOICES[number];

/** @throws {RangeError} if there is no such choice */
export function checkChoice(choice: string): void {
  if (SCORE_CHOICES.some((known) => known === choice)) return;
  throw new RangeError(`Cannot score on '${choice}': must be one of ${SCORE_CHOICES.join(", ")}`);
}

/** Where scores are made. */
export interface ScorePlace {
  readonly provider: ScoreProvider;
  /** What the adapter calls itself; absent on the CPU. */
  readonly adapter?: string;
}

export const ON_CPU: ScorePlace = { provider: "cpu" };

/** `cpu`, or `webgpu: NVIDIA H200`: as results have it. */
export function placeInWords({ provider, adapter }: ScorePlace): string {
  return adapter === undefined ? provider : `${provider}: ${adapter}`;
}

/** What a choice asks the machine; tests have their own. */
export interface ScoreTools {
  /** The adapter that there is. */
  readonly adapter: () => Promise<{ readonly adapter: string; readonly software: boolean } | undefined>;
  /** Scores a small model with the provider and on the CPU; throws where it cannot, or they differ. */
  readonly check: () => Promise<void>;
}

/**
 * Where this machine scores. A software adapter is right, and slower than the CPU that it runs on: it serves only on request.
 *
 * @returns the place; and of `auto`, why an adapter that is there is not taken
 * @throws {UserError} if `webgpu` was asked for and cannot score
 */
export async function choosePlace(
  choice: ScoreChoice,
  { adapter, check }: ScoreTools,
): Promise<{ readonly place: ScorePlace; readonly why?: string }> {
  if (choice === "cpu") return { place: ON_CPU };
  const found = await adapter();
  if (choice === "auto" && (!found || found.software)) return { place: ON_CPU };
  try {
    if (!found) throw new UserError("Cannot score on webgpu: no adapter was found");
    await check();
    return { place: { provider: "webgpu", adapter: found.adapter } };
  } catch (error) {
    if (choice === "webgpu") {
      throw new UserError(`${messageOf(error)}; use --score-on cpu`);
    }
    return { place: ON_CPU, why: messageOf(error) };
  }
}

/** The adapter of Deno's own WebGPU: ONNX Runtime's, which names none, is the same as far as there is one. */
export async function ownAdapter(): Promise<{ adapter: string; software: boolean } | undefined> {
  const opened = await openDevice();
  if (!opened) return undefined;
  const { device, adapter, software } = opened;
  device.destroy();
  return { adapter, software };
}
