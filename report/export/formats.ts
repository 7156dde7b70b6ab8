/** What an export can be asked for. */

/** What an export is written as. */
export type Format = "csv" | "parquet" | "tensorboard" | "dataset";
export const FORMATS: readonly Format[] = ["csv", "parquet", "tensorboard", "dataset"];
/** Those of an export that asks for none: a data set is published, which somebody decides. */
export const DEFAULT_FORMATS: readonly Format[] = ["csv", "parquet", "tensorboard"];

/** What a data set has only where it is asked for: models, which may be large; and the test split, which has a licence of its own. */
export type Inclusion = "models" | "test";
export const INCLUSIONS: readonly Inclusion[] = ["models", "test"];

/** The licence of a data set, if nobody says. */
export const DEFAULT_LICENSE = "CC-BY-4.0";

/**
 * Reads the id of a licence.
 *
 * @throws {Error} saying what must be, if it does not have the form of an SPDX id
 */
export function parseLicense(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9.+-]{0,63}$/.test(text)) return text;
  throw new Error("must be an SPDX id of letters, digits, '.', '-' and '+', at most 64, as in CC-BY-4.0");
}
