/** Hashes of Node.js, which take a tenth of the time of `cells/sha256.ts`. Their module takes 15 ms to load, so it is loaded with the first hash. */
import process from "node:process";
import type { Hash } from "node:crypto";

/** A hash that bytes or texts are added to. */
export function createHash(algorithm: "sha1" | "sha256"): Hash {
  return process.getBuiltinModule("node:crypto").createHash(algorithm);
}
