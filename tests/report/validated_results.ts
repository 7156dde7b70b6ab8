/** Results with scores of the validation split, as versions from 0.4.0 on write them. */
import type { RunResult } from "../../experiments/study/result.ts";

/** What the validation score lies above the test score, bits per byte, where a test plants nothing else. */
const ABOVE = 0.0625;

/** The same runs with a validation score each: where it is undefined, as a version before 0.4.0 left them. */
export function validated(
  results: readonly RunResult[],
  scoreOf: (result: RunResult) => number | undefined = ({ test_bits_per_byte }) => test_bits_per_byte! + ABOVE,
): RunResult[] {
  return results.map((result) => {
    const validation_bits_per_byte = scoreOf(result);
    return validation_bits_per_byte === undefined
      ? result
      : { ...result, validation_bits_per_byte, validation_bytes: 50_000 };
  });
}
