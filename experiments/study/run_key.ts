/** What runs are called: in the names of their files, and for people. */

/** The name of a run's files: of the first seed the configuration's id alone. */
export function runKey(id: string, seed: number): string {
  return seed === 0 ? id : `${id}_seed${seed}`;
}

/** The id of the configuration that a run's key is of: see {@linkcode runKey}. */
export function idInKey(key: string): string {
  return key.replace(/_seed\d+$/, "");
}

/**
 * The beginning of a configuration's id, as a flag takes it.
 *
 * @throws {Error} whose message says what it must be
 */
export function parseIdPrefix(text: string): string {
  if (!/^[0-9a-f]{1,64}$/.test(text)) {
    throw new Error("must be the beginning of an id: up to 64 digits and letters a to f");
  }
  return text;
}

/** A run's key as people see it: eight characters, and the seed where it is not the first. */
export function shortKey(key: string): string {
  return key.slice(0, 8) + key.slice(64);
}
