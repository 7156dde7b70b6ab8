/** What a study's models read one by one: all counts of context, history and warm-up are of that, and losses are per that. */

export type Unit = "byte" | "token";

/**
 * The unit of a study or of a result, by what they say of tokens. What is measured on the text itself stays in bytes whatever the models read:
 * scores in bits per byte, baselines and the order of context that they stand for, and the length of a sample.
 */
export function unitOf({ tokens }: { readonly tokens?: unknown }): Unit {
  return tokens === undefined ? "byte" : "token";
}
