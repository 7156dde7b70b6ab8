/** Hashes of Node.js, which take a tenth of the time of `cells/sha256.ts`; their module is loaded with the first: that takes as long as to hash megabytes. */
import process from "node:process";
import type { Hash } from "node:crypto";

/** A hash that bytes or texts are added to. */
export function createHash(algorithm: "sha1" | "sha256"): Hash {
  return process.getBuiltinModule("node:crypto").createHash(algorithm);
}
