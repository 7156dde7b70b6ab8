/** Results that the schema takes and no run would write: each key at the ends of what it may hold, from a seed. */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";
import type { RunResult } from "../../experiments/study/result.ts";
import { LIMITS } from "../../train/training/settings.ts";
import { RESETS } from "../../train/scoring/state_resets.ts";
import { MOST_TEMPERATURE } from "../../train/scoring/sample_text.ts";
import { syntheticResults } from "./synthetic_results.ts";

/** The largest 32-bit float, the largest whole number, a century: the bounds of the schema. */
const MOST_LOSS = (2 - 2 ** -23) * 2 ** 127, MOST_WHOLE = Number.MAX_SAFE_INTEGER, CENTURY = 100 * 365.25 * 86_400;

/** Steps between two logged values of the longest of the curves here, 30 values. */
const MOST_LOGGED = Math.floor(LIMITS.steps / 30);

const LOSSES = [0, -0, 5e-324, 1e-300, -1e-9, 1e-9, -5, 1, 2.5, 1e20, MOST_LOSS, -MOST_LOSS] as const;
const TIMES = [1e300, -1e300, 1e20, -1, 0, 8.64e12, -8.64e12, 8.64e12 + 1, 1.79e9, 5e-324, 0.0005] as const;
const COUNTS = [1, 2, 3, 2 ** 31, 2 ** 32 + 1, MOST_WHOLE] as const;
const TEXTS = [
  "",
  " ",
  "a\0b\x07\x1b[31mc\x7f\x85\x9b2J",
  "two\nlines\r\nand\ttabs\u2028more",
  "lone \ud800 surrogate, \uffff \ufffe none",
  `</script><b>"&'`,
  "=1+cmd|' /C calc'!A0",
  "wide ".repeat(20_000),
  "\u202eright to left, שלום",
] as const;

/** As many results as asked for, of different configurations and one or two seeds. */
export function extremeResults(seed: number, count: number, fixed: Partial<RunResult>): RunResult[] {
  const generator = xoroshiro128plus(seed);
  const integer = (least: number, most: number) => uniformInt(generator, least, most);
  const pick = <Value>(values: readonly Value[]): Value => values[integer(0, values.length - 1)];
  const maybe = <Value>(value: Value): [Value] | [] => integer(0, 2) ? [value] : [];

  const base = syntheticResults({ layers: [1, 64], state_sizes: [1, 256] }).filter(() => integer(0, 3) === 0);
  // Half of them share their settings and logs, so that there is something to compare; of the others each is odd in its own way.
  const shared = { length: pick([1, 2, 30]), log_every: pick([1, 50, MOST_LOGGED]) };
  return base.slice(0, count).map((result, i): RunResult => {
    const { length, log_every } = integer(0, 1)
      ? shared
      : { length: pick([1, 2, 7]), log_every: pick([1, 2, 3, MOST_LOGGED]) };
    const loss = Array.from({ length }, () => pick(LOSSES));
    const odd: Partial<RunResult>[] = [
      ...maybe({ "start time": pick(TIMES) }),
      ...maybe({ "end time": pick(TIMES) }),
      ...maybe({ train_seconds: pick([0, 5e-324, 1, 1e9, CENTURY]) }),
      ...maybe({ parameters: pick(COUNTS), "training steps": pick([1, 2, LIMITS.steps]) }),
      ...maybe({ engine: pick(TEXTS), adapter: pick(TEXTS) }),
      ...maybe({ dataset: pick(TEXTS) }),
      ...maybe({ owner: pick(TEXTS), "old id": pick(TEXTS) }),
      ...maybe({ test_loss: pick(LOSSES), test_bits_per_byte: pick(LOSSES), test_bytes: pick(COUNTS) }),
      ...maybe({ context_order: pick([-1, 0, 2.345678, 5]) }),
      ...maybe({
        sample: { text: pick(TEXTS), prompt: pick(TEXTS), bytes: pick(COUNTS), temperature: MOST_TEMPERATURE, seed: 0 },
      }),
      ...maybe({
        earlier_engines: [{
          engine: pick(TEXTS),
          adapter: pick(TEXTS),
          steps: pick([0, ...COUNTS]),
          cellspace_version: pick(TEXTS),
        }],
      }),
      ...maybe({
        memory: {
          gain: pick(LOSSES),
          context: pick([0, null, MOST_WHOLE]),
          bytes: pick(COUNTS),
          carried: pick(LOSSES),
          reset: RESETS.slice(integer(0, 4)).map((every) => ({ every, bits_per_byte: pick(LOSSES) })),
        },
      }),
      ...(integer(0, 4) ? [] : [{
        failed: pick(TEXTS),
        failed_at_step: MOST_WHOLE,
        failed_time: pick(TIMES),
        loss_before_failure: [pick(LOSSES), pick(LOSSES)],
      }]),
    ];
    const finished = {
      ...result,
      ...Object.assign({}, ...odd),
      seed: i % 3 === 2 ? MOST_WHOLE : 0,
      ...fixed,
      log_every,
      loss,
      "min loss": loss.reduce((a, b) => Math.min(a, b)),
      steps_done: length * log_every,
    };
    if (i && integer(0, 5) === 0) {
      for (const key of ["loss", "min loss", "steps_done", "train_seconds", "end time"]) delete finished[key];
    }
    return finished;
  });
}
