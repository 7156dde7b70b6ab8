/** The expression behind `--only` as text: its parts, without what they mean. */

/** A comma ends a part where a key and an operator follow; any other is within a value (`gate_inputs=x,h`). */
const BETWEEN_PARTS = /,(?=[^,|=<>!]*[=<>!])/;

/** The parts of an expression, which must all hold; none of an empty one. */
export function selectionParts(text: string): string[] {
  return text.trim() ? text.split(BETWEEN_PARTS).map((part) => part.trim()) : [];
}

/** The key that a part is about; empty where it has none. */
export function keyOfPart(part: string): string {
  return /^[^=<>!]*/.exec(part)![0].trim();
}

/** An expression with what it says of a key replaced by one part, in its place; without any where that is empty. */
export function withPart(text: string, key: string, part: string): string {
  const parts = selectionParts(text), at = parts.findIndex((one) => keyOfPart(one) === key);
  const others = (of: readonly string[]) => of.filter((one) => keyOfPart(one) !== key);
  const before = at < 0 ? parts : others(parts.slice(0, at)), after = at < 0 ? [] : others(parts.slice(at));
  return [...before, ...(part ? [part] : []), ...after].join(",");
}
