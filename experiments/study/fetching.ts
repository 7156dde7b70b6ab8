/** A corpus comes by name, and people see how far it is. */
import { cachedPath } from "../../train/corpus/cache.ts";
import { fetchCorpus } from "../../train/corpus/fetch.ts";
import type { KnownCorpus } from "../../train/corpus/known.ts";
import { openProgress, type ProgressBar } from "../../train/terminal/progress.ts";
import { print } from "../../train/terminal/output.ts";
import { Stopped, stopSignal } from "../../train/terminal/stop_signal.ts";

/** Bytes in what the progress bar counts. */
const KILOBYTE = 1000;

/**
 * Sees to it that a corpus is in the cache; see {@linkcode fetchCorpus}.
 *
 * @throws {Stopped} if a signal stopped it
 */
export async function fetchShown(corpus: KnownCorpus): Promise<void> {
  using stop = stopSignal("Stopping the download");
  let bar: ProgressBar | undefined, shown: string | undefined;
  const begin = (what: string, total: number) => {
    bar?.stop();
    bar = openProgress(Math.ceil(total / KILOBYTE), "kB");
    if (what === "downloading") bar.print(`Downloading corpus ${corpus.name} from ${corpus.url}`);
    shown = what;
  };
  try {
    await fetchCorpus(corpus, {
      signal: stop.signal,
      onWait: () => print(`Another process is downloading corpus ${corpus.name}: waiting for it`),
      onRetry(why) {
        bar?.stop();
        bar = shown = undefined;
        print(`The download of corpus ${corpus.name} failed: ${why}; trying again from the beginning`);
      },
      onProgress(what, bytes, total) {
        if (what !== shown) begin(what, total);
        bar!.update(Math.round(bytes / KILOBYTE), what, Math.ceil(total / KILOBYTE));
      },
    });
  } catch (error) {
    if (stop.signal.aborted) throw new Stopped(stop, "run the same command to download the corpus");
    throw error;
  } finally {
    bar?.stop();
  }
  if (shown) print(`Corpus ${corpus.name} is in ${cachedPath(corpus)}`);
}
