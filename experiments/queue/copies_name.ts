/** What copies of a study have in common, wherever they lie. */
import { sumOf } from "../study/files.ts";
import type { StudySettings } from "../study/schema.ts";

/** Raised where another version of this program would train the same run to other numbers. */
const NUMBERS_VERSION = 1;

/**
 * Names the queue that all copies of a study share: a SHA-256 of what runs' numbers follow from beside their configurations, seeds and lengths. So lists may
 * grow, and runs may be trained further.
 */
export function copiesName(
  { corpus, split, tokens, space, training: { batch, history } }: Pick<
    StudySettings,
    "corpus" | "split" | "tokens" | "space" | "training"
  >,
): string {
  const same = {
    version: NUMBERS_VERSION,
    corpus: corpus.sha1,
    split: [split.train, split.validation, split.test],
    tokens: tokens?.sha1 ?? null,
    space: space?.sha256 ?? null,
    batch,
    history,
  };
  return `study-${sumOf(new TextEncoder().encode(JSON.stringify(same))).slice(0, 32)}`;
}
