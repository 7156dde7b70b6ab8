/** Chooses where scores are made: ONNX Runtime's WebGPU provider where that is a real adapter and right, else the CPU. */
import { messageOf, UserError } from "../../cells/errors.ts";
import type { AdapterNames } from "../engines/webgpu/runtime/device.ts";
import type { ScoreProvider } from "./providers.ts";

/** What `--score-on` may say. */
export const SCORE_CHOICES: readonly ScoreChoice[] = ["auto", "cpu", "webgpu"];
/** A provider, or `auto`: WebGPU on a real GPU, else the CPU. */
export type ScoreChoice = "auto" | ScoreProvider;

/** @throws {RangeError} if there is no such choice */
export function checkChoice(choice: string): void {
  if (SCORE_CHOICES.some((known) => known === choice)) return;
  throw new RangeError(`Cannot score on '${choice}': must be one of ${SCORE_CHOICES.join(", ")}`);
}

/** Where scores are made. */
export interface ScoreLocation {
  /** What computes the scores. */
  readonly provider: ScoreProvider;
  /** What the adapter calls itself; absent on the CPU. */
  readonly adapter?: string;
}

export const ON_CPU: ScoreLocation = { provider: "cpu" };

/** `cpu`, or `webgpu: NVIDIA H200`: as results have it. */
export function locationInWords({ provider, adapter }: ScoreLocation): string {
  return adapter === undefined ? provider : `${provider}: ${adapter}`;
}

/** What a choice asks the machine; tests have their own. */
export interface ScoreTools {
  /** The adapter that there is. */
  readonly adapter: () => Promise<AdapterNames | undefined>;
  /** Scores a small model with the provider and on the CPU; throws where it cannot, or they differ. */
  readonly check: () => Promise<void>;
}

/**
 * Where this machine scores. A software adapter is right, and slower than the CPU that it runs on: it serves only on request.
 *
 * @returns the location; and of `auto`, why an adapter that is there is not taken
 * @throws {UserError} if `webgpu` was asked for and cannot score
 */
export async function chooseLocation(
  choice: ScoreChoice,
  { adapter, check }: ScoreTools,
): Promise<{ readonly location: ScoreLocation; readonly why?: string }> {
  if (choice === "cpu") return { location: ON_CPU };
  try {
    const found = await adapter();
    if (choice === "auto" && (!found || found.software)) return { location: ON_CPU };
    if (!found) throw new UserError("Cannot score on webgpu: no adapter was found");
    await check();
    return { location: { provider: "webgpu", adapter: found.adapter } };
  } catch (error) {
    if (choice === "webgpu") {
      throw new UserError(`${messageOf(error)}; use --score-on cpu`);
    }
    return { location: ON_CPU, why: messageOf(error) };
  }
}
