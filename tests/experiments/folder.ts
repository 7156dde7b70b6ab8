/** A temporary folder, and its end. */
export interface TempFolder extends AsyncDisposable {
  readonly path: string;
}

/** Makes a temporary folder that goes with all that is in it: `await using temp = await tempFolder()`. */
export async function tempFolder(): Promise<TempFolder> {
  const path = await Deno.makeTempDir();
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}
