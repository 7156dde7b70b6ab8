/**
 * Records as TensorFlow frames them: length, its checksum, the bytes, their checksum, all little-endian.
 * Source: tensorflow/core/lib/io/record_writer.h.
 */

/** Length and its checksum; checksum behind the bytes. */
const HEADER_BYTES = 12, FOOTER_BYTES = 4;

/** Castagnoli's polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ POLYNOMIAL : rest >>> 1;
  return rest;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(bytes: Uint8Array): number {
  let rest = 0xffffffff;
  for (const byte of bytes) rest = TABLE[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return ~rest >>> 0;
}

/** The checksum as records hold it: rotated and moved, since the checksum of bytes that hold a checksum is weak. */
function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A file of these records. */
export function encodeRecords(records: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const total = records.reduce((sum, { length }) => sum + HEADER_BYTES + length + FOOTER_BYTES, 0);
  const file = new Uint8Array(total), view = new DataView(file.buffer);
  let at = 0;
  for (const record of records) {
    view.setBigUint64(at, BigInt(record.length), true);
    view.setUint32(at + 8, maskedCrc32c(file.subarray(at, at + 8)), true);
    file.set(record, at + HEADER_BYTES);
    view.setUint32(at + HEADER_BYTES + record.length, maskedCrc32c(record), true);
    at += HEADER_BYTES + record.length + FOOTER_BYTES;
  }
  return file;
}
