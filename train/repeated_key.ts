/** Keys that stand twice in an object of JSON: `JSON.parse` keeps the last in silence, other readers the first. */

/**
 * The first key that an object of a JSON text has twice, in the order of the text; undefined where none has.
 *
 * @param json a text that `JSON.parse` has taken
 */
export function repeatedKey(json: string): string | undefined {
  /** By depth: the keys so far; undefined in an array. An own stack: the text may be nested deeply. */
  const keys: (Set<string> | undefined)[] = [];
  let last = "";
  for (let at = 0; at < json.length; at++) {
    switch (json[at]) {
      case "{":
        keys.push(new Set());
        break;
      case "[":
        keys.push(undefined);
        break;
      case "}":
      case "]":
        keys.pop();
        break;
      case '"': {
        const end = endOfString(json, at);
        last = json.slice(at, end);
        at = end - 1;
        break;
      }
      // Outside of strings, a colon stands behind a key and nowhere else.
      case ":": {
        const key: string = JSON.parse(last), known = keys.at(-1)!;
        if (known.has(key)) return key;
        known.add(key);
      }
    }
  }
  return undefined;
}

/** The place behind the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  for (let at = start + 1;; at++) {
    if (json[at] === "\\") at++;
    else if (json[at] === '"') return at + 1;
  }
}
