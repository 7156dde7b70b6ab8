/** Code, tests and documentation use the field's words. */
import assert from "node:assert/strict";
import { texts } from "./documents/pages.ts";

/** A word of this project alone, or a riddle. */
interface Row {
  readonly not: RegExp;
  /** What the field calls it. */
  readonly but: string;
  /** A text that the pattern must find. */
  readonly example: string;
}

const row = (not: RegExp, but: string, example: string): Row => ({ not, but, example });

/** The words of STYLE.md that a pattern can find, and more. A word that has a second, usual meaning is not here: `place`, `frame`, `chain`. */
const WORDS: readonly Row[] = [
  row(/\b(crew|entrant|occupant)s?\b/i, "group, run", "the crew's occupants"),
  row(
    /\b(group|run)s?['’]?s? members?\b|\bmembers? of (a|the) (group|crew)\b/i,
    "run of a group",
    "a member of the group",
  ),
  row(/\b(progress )?board\b/i, "progress", "what the board shows"),
  row(/\b(intake|work list)\b/i, "scheduler", "the intake takes it from the work list"),
  row(/\bledger\b/i, "loss log", "the ledger has each loss"),
  row(/\bchain book\b/i, "epilogue registry", "registered in the chain book"),
  row(/\bframes? of (a|the) kernel|\bkernel frames?\b/i, "kernel template", "the frame of a kernel"),
  row(/\bsurprise\b/i, "negative log-likelihood, nll", "the mean surprise"),
  row(/entropy floor/i, "n-gram baseline", "an entropy floor of order 1"),
  row(/\bstranded\b/i, "write failed", "a stranded result"),
  row(/\battendants\b/i, "run source", "the group's attendants"),
  row(/\bleast (smoothed )?(training )?loss/i, "lowest loss", "the least training loss"),
  row(/\bsensible (setting|configuration)/i, "valid configuration", "every sensible setting"),
  row(/clearly different/i, "has a significant effect on the loss", "goes with a clearly different loss"),
  row(/memory is worth/i, "loss increase under state resets", "what memory is worth"),
  row(/can be trusted/i, "do short runs predict long ones?", "how far the short ranking can be trusted"),
  row(/cuts off [\w${}]+ curves/i, "y axis clipped; early losses not shown", "the top cuts off 144 curves"),
  row(/alike in all else|all else alike/i, "otherwise identical", "alike in all else"),
  row(/no quadruple/i, "no matched set", "no quadruple"),
  row(/\berr alike/i, "errors are correlated within a seed", "runs of one seed err alike"),
  row(/rows (that are computed )?side by side/i, "batch size (parallel sequences)", "rows side by side"),
  row(/tokens per pass/i, "sequence length before the state is reset", "tokens per pass"),
  row(/\bloss (was|is|became) no finite number/i, "diverged (NaN or Inf)", "runs whose loss was no finite number"),
  row(/of the wrong kind/i, "must be true or false, or whatever it must be", "has a value of the wrong kind"),
  row(/makes of the output/i, "a linear layer maps the output to", "makes of the output one logit"),
  row(
    /are the same bytes, who/i,
    "reports are byte-for-byte reproducible",
    "two reports are the same bytes, whoever draws them",
  ),
  row(/bolder choices/i, "lower is more deterministic", "below 1 bolder choices fade"),
  row(
    /cannot be (said|told(?! apart))\b/i,
    "Cannot be answered: …; is unknown",
    "which switches matter cannot be said",
  ),
  row(/\bupright (dotted )?lines?\b/i, "vertical line", "Upright dotted lines: a pass ends"),
  row(
    /\b(sign|it|effects?) turns? with\b|\bturns its sign|\b(sign|effect) turns\b|\beffects that turn\b/i,
    "changes sign",
    "the sign turns with the learning rate",
  ),
  row(/\bseed with seed\b/i, "paired by seed", "compared seed with seed"),
  row(/with commas( or spaces)? between/i, "separated by commas", "names with commas between"),
  row(/\bstays? as (it was )?drawn\b/i, "keeps its initial value, is never trained", "added weights stay as drawn"),
  row(/in the hands of\b/i, "in use by", "it is in the hands of process 7"),
  row(/\bin a hurry\b|_in_a_hurry\b/i, "with short intervals", "whoever tests may be in a hurry"),
  row(/\bpatience|PATIENCE/, "timeout, retries", "PATIENCE_MILLISECONDS"),
  row(
    /not corrected for their number/i,
    "not corrected for multiple comparisons",
    "intervals are not corrected for their number",
  ),
  row(/\bgo(es)? by a name\b/i, "named", "cells that go by a name"),
  row(/\bmend(s|ed)? (it|the address|that)\b/i, "fix it, correct the address", "mend it, or move it away"),
  row(/\bIN_THE_DARK\b/, "DARK_…", "TINTS, IN_THE_DARK"),
  row(/\/\*\* Told\b/, "Called when …: the subject first", "/** Told of a run that was to join */"),
  row(/nobody knows(,| from) where/i, "is unknown where", "nobody knows from where"),
  row(/\bpassing(: true| = false)/, "removesFile", "passing: true"),
];

/** What must be among the files that are read: each part, and folders of the name that tasks give to a study. */
const PARTS = [
  ...["cells/", "train/", "experiments/", "report/", "tests/", "docs/", "README.md"],
  ...["experiments/study/", "tests/experiments/study/"],
];
/** Scripts with libraries in them. */
const BUNDLES = "report/page/bundles/";
/** The list itself, and what was said before. */
const LEFT_OUT = ["CHANGELOG.md", "tests/words_test.ts"];

Deno.test("each pattern of a private word finds its example", () => {
  for (const { not, example } of WORDS) assert.match(example, not);
});

Deno.test("code, tests and documentation keep to the field's words", () => {
  const files = [...texts()].filter(([path]) => !LEFT_OUT.includes(path) && !path.startsWith(BUNDLES));
  for (const part of PARTS) {
    assert.ok(files.some(([path]) => path.startsWith(part)), `${part} was not read`);
  }
  const found = files.flatMap(([path, text]) =>
    WORDS.flatMap(({ not, but }) => {
      const match = not.exec(text);
      if (!match) return [];
      return [`${path}:${text.slice(0, match.index).split("\n").length}: '${match[0]}', write: ${but}`];
    })
  );
  assert.deepEqual(found, []);
});
