import assert from "node:assert/strict";
import { dynamicsInWords } from "../../../experiments/session/dynamics_words.ts";
import type { RunDynamics } from "../../../experiments/study/dynamics_file.ts";

const NONE = { value: null, standard_error: null };
const cut = { streams: 8, tokens: 4096, warm_up: 512 };

const BARE: RunDynamics = {
  id: "d".repeat(64),
  seed: 0,
  cellspace_version: "0.6.0",
  model_sha256: "0".repeat(64),
  settings: { streams: 8, tokens: 4096, exponents: 32 },
  not_measured: {},
  seconds: 1,
};

const lyapunov: RunDynamics["lyapunov"] = {
  ...cut,
  layers: [],
  largest: { value: -0.1234, standard_error: 0.0041 },
  forgetting_time: { value: 8.1037, standard_error: 0.3 },
};
const byte_recall: RunDynamics["byte_recall"] = {
  ...cut,
  fitted: 1,
  scored: 1,
  entropy: 4,
  lags: [],
  total: { value: 5.23, standard_error: 0.1 },
  horizon: 3,
};
const gap = { cosine_standard_error: 0, ratio_standard_error: 0, ratio: 1 };
const truncation_gap: RunDynamics["truncation_gap"] = {
  ...cut,
  loss: 2,
  untrained_at_1: [],
  gaps: [{ bptt: 1, whole: { ...gap, cosine: 1 }, weights: {} }, {
    bptt: 32,
    whole: { ...gap, cosine: 0.8765 },
    weights: {},
  }],
};

const CASES: readonly (readonly [what: string, parts: Partial<RunDynamics>, unit: "byte" | "token", line: string])[] = [
  [
    "all that one line has room for",
    { lyapunov, byte_recall, truncation_gap },
    "byte",
    "λ₁ −0.123 ± 0.004 nats/byte, forgets in 8.1 bytes, recalls 5.2 bits",
  ],
  [
    "tokens, one stream, and a model that does not forget",
    { lyapunov: { ...lyapunov, largest: { value: 0.02, standard_error: null }, forgetting_time: NONE } },
    "token",
    "λ₁ 0.020 nats/token, does not forget",
  ],
  [
    "a model that forgets at once",
    { lyapunov: { ...lyapunov, largest: NONE, forgetting_time: { value: 0, standard_error: null } } },
    "byte",
    "λ₁ −∞, forgets in 0.0 bytes",
  ],
  [
    "gradients, where nothing else was measured",
    { truncation_gap },
    "byte",
    "1-step gradient: cosine 0.876 with that of 32 steps",
  ],
  [
    "why a measure is missing",
    { lyapunov, not_measured: { byte_recall: "the text is short", gates: "no σ" } },
    "byte",
    "λ₁ −0.123 ± 0.004 nats/byte, forgets in 8.1 bytes; no byte recall (the text is short); no gates (no σ)",
  ],
  ["nothing that a line could say", {}, "byte", "measured"],
];

for (const [what, parts, unit, line] of CASES) {
  Deno.test(`dynamicsInWords() says ${what}`, () => {
    assert.equal(dynamicsInWords({ ...BARE, ...parts }, unit), line);
  });
}
