/** Makes it seem to those who open workers that this process may open no more files, or as many as it likes. */

const CODE = "open_files.ts";

function withError(error: Error): Disposable {
  const { openSync } = Deno;
  Deno.openSync = (path, options) => {
    if (String(path).endsWith(CODE)) throw error;
    return openSync(path, options);
  };
  return { [Symbol.dispose]: () => void (Deno.openSync = openSync) };
}

/** Until it is disposed of. */
export function noMoreFiles(): Disposable {
  return withError(Object.assign(new Error("Too many open files"), { code: "EMFILE" }));
}

/** Until it is disposed of: where trying is impossible, nobody is refused. */
export function endlessFiles(): Disposable {
  return withError(new Deno.errors.NotCapable("No file can be tried"));
}
