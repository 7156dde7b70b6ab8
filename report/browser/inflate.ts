/** Text that a page carries: deflated, in base64. */

/** @param data base64 of raw deflate of UTF-8 */
export async function inflateText(data: string): Promise<string> {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}

/** The same the other way. */
export async function deflateText(text: string): Promise<string> {
  const deflated = new Blob([text]).stream().pipeThrough(new CompressionStream("deflate-raw"));
  const bytes = new Uint8Array(await new Response(deflated).arrayBuffer()), pieces: string[] = [];
  // Functions take no more arguments than fit on a stack.
  for (let from = 0; from < bytes.length; from += CHUNK) {
    pieces.push(String.fromCharCode.apply(null, [...bytes.subarray(from, from + CHUNK)]));
  }
  return btoa(pieces.join(""));
}

const CHUNK = 8192;
