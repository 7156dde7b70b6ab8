/** What a corpus may be. */

/** The largest corpus: places in the text are numbers of 32 bits, on the GPU too. */
export const MAX_BYTES = 2 ** 32;

/** The shortest pass: a byte to read, and one to predict. */
export const LEAST_HISTORY = 2;
