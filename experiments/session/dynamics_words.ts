/** What was measured of a run's dynamics, in one line. */
import { counted, formatCount } from "../../cells/counts.ts";
import type { Unit } from "../../cells/unit.ts";
import type { Estimate } from "../../train/dynamics/estimate.ts";
import type { LyapunovSpectrum } from "../../train/dynamics/lyapunov.ts";
import { type DynamicsSettings, MEASURE_NAMES, MEASURES } from "../../train/dynamics/measure.ts";
import type { TruncationGap } from "../../train/dynamics/truncation_gap.ts";
import type { RunDynamics } from "../study/dynamics_file.ts";

/** `λ₁ −0.123 ± 0.004 nats/byte, forgets in 8.1 bytes, recalls 5.2 bits`; and why what is not there could not be measured. */
export function dynamicsInWords(dynamics: RunDynamics, reads: Unit): string {
  const { lyapunov, byte_recall, truncation_gap, not_measured } = dynamics, recalled = byte_recall?.total.value ?? null;
  const parts = [
    ...(lyapunov ? [exponentInWords(lyapunov.largest, reads), forgettingInWords(lyapunov, reads)] : []),
    ...(recalled === null ? [] : [`recalls ${signed(recalled, 1)} bits`]),
  ];
  const gap = truncation_gap && gapInWords(truncation_gap);
  if (!parts.length && gap) parts.push(gap);
  const missing = MEASURES.flatMap((measure) => {
    const why = not_measured[measure];
    return why === undefined ? [] : [`no ${MEASURE_NAMES[measure]} (${why})`];
  });
  return [...(parts.length ? [parts.join(", ")] : []), ...missing].join("; ") || "measured";
}

/** `8 streams of 4,096 bytes, 32 exponents`. @param units `bytes` or `tokens` */
export function settingsInWords({ streams, tokens, exponents }: DynamicsSettings, units: string): string {
  return `${counted(streams, "stream")} of ${formatCount(tokens)} ${units}, ${counted(exponents, "exponent")}`;
}

/** `6 runs have been measured with other settings (8 streams of 4,096 bytes, 32 exponents); --again measures them with the new ones`. */
export function otherwiseInWords(settings: readonly DynamicsSettings[], reads: Unit): string {
  const [have, them] = settings.length === 1 ? ["has", "it"] : ["have", "them"];
  const different = new Set(settings.map((one) => settingsInWords(one, `${reads}s`)));
  return `${counted(settings.length, "run")} ${have} been measured with other settings (${
    [...different].join("; ")
  }); --again measures ${them} with the new ones`;
}

/** `λ₁ −0.123 ± 0.004 nats/byte`. */
function exponentInWords({ value, standard_error }: Estimate, reads: Unit): string {
  if (value === null) return "λ₁ −∞";
  const error = standard_error === null ? "" : ` ± ${standard_error.toFixed(3)}`;
  return `λ₁ ${signed(value, 3)}${error} nats/${reads}`;
}

function forgettingInWords({ forgetting_time: { value } }: LyapunovSpectrum, reads: Unit): string {
  return value === null ? "does not forget" : `forgets in ${value.toFixed(1)} ${reads}s`;
}

/** `1-step gradient: cosine 0.93 with that of 32 steps`. */
function gapInWords({ gaps }: TruncationGap): string | undefined {
  const { bptt, whole } = gaps[gaps.length - 1];
  return whole.cosine === null
    ? undefined
    : `1-step gradient: cosine ${whole.cosine.toFixed(3)} with that of ${bptt} steps`;
}

/** With a minus sign where it is negative. */
function signed(value: number, digits: number): string {
  return value.toFixed(digits).replace("-", "−");
}
