/** SHA-256 where there is no Node.js, and at once: an id or a random number waits for no promise, as those of WebCrypto do. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";

/** SHA-256 of bytes, or of a text in UTF-8: 32 bytes. */
export function sha256Of(content: string | Uint8Array): Uint8Array<ArrayBuffer> {
  return sha256(typeof content === "string" ? new TextEncoder().encode(content) : content);
}

/** The same as 64 digits and letters a to f. */
export function sha256Hex(content: string | Uint8Array): string {
  return bytesToHex(sha256Of(content));
}
