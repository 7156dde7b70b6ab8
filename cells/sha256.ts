/** SHA-256 where there is no Node.js, and at once: an id or a random number waits for no promise, as those of WebCrypto do. */
import { sha256 } from "@noble/hashes/sha2.js";

/** SHA-256 of a text in UTF-8: 32 bytes. */
export function sha256Of(text: string): Uint8Array<ArrayBuffer> {
  return sha256(new TextEncoder().encode(text));
}
