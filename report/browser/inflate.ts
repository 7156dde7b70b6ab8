/** Text that a page carries: deflated, in base64. */

/** @param data base64 of raw deflate of UTF-8 */
export async function inflateText(data: string): Promise<string> {
  const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
  return await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"))).text();
}
