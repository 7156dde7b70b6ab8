/// <reference lib="dom" />
/** The page's side of its worker. */
import type { RunResult } from "../../experiments/study/result.ts";
import type { DownloadKind } from "../page/figure.ts";
import { INPUT_ID, WORKER_ID } from "../page/ids.ts";
import { inflateText } from "./inflate.ts";
import type { Answer, AnswerTo, Ask, Compared, Reply, Selected } from "./protocol.ts";

/** What came of a question. */
export type Outcome<T> = { readonly value: T } | { readonly error: string };

/** A worker that is started with the first question, since many pages are only read. */
export class WorkerClient {
  #worker: Promise<Worker> | undefined;
  /** What came of the data that it works on. */
  #opened: Promise<Outcome<Answer>> | undefined;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #asked = 0;

  /** The parts of the page for the configurations that an expression selects. */
  async select(only: string): Promise<Outcome<Selected>> {
    return await this.#ask({ ask: "select", only });
  }

  /** Some configurations side by side. */
  async compare(runs: readonly string[]): Promise<Outcome<Compared>> {
    return await this.#ask({ ask: "compare", runs });
  }

  /** Tells of results that are new or have changed, and of those that are there no more. @returns one line where that failed */
  async update(results: readonly RunResult[], gone: readonly string[]): Promise<string | undefined> {
    const outcome = await this.#ask({ ask: "update", results, gone });
    return "error" in outcome ? outcome.error : undefined;
  }

  /** What a picture shows of the configurations that an expression selects. */
  async picture(name: string, as: DownloadKind, only: string): Promise<Outcome<string>> {
    return await this.#ask({ ask: "picture", name, as, only });
  }

  /** All that a page of the study as it is now carries. */
  async carry(): Promise<Outcome<string>> {
    return await this.#ask({ ask: "carry" });
  }

  async #ask<A extends Ask>(ask: A): Promise<Outcome<AnswerTo<A>>> {
    this.#worker ??= this.#start();
    try {
      const worker = await this.#worker, opened = await this.#opened!;
      return "error" in opened ? opened : await this.#tell(worker, ask) as Outcome<AnswerTo<A>>;
    } catch (error) {
      // A browser that cannot inflate, or lets no worker start.
      return { error: `Cannot work on this page in this browser: ${error instanceof Error ? error.message : error}` };
    }
  }

  async #start(): Promise<Worker> {
    const script = await inflateText(carried(WORKER_ID));
    const worker = new Worker(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
    worker.onmessage = ({ data }: MessageEvent<Reply>) => {
      this.#waiting.get(data.number)?.(data);
      this.#waiting.delete(data.number);
    };
    const failed = (why: string) => {
      for (const [number, reply] of this.#waiting) reply({ number, error: `Cannot work on this page: ${why}` });
      this.#waiting.clear();
    };
    worker.onerror = ({ message }) => failed(message || "its worker could not be started");
    worker.onmessageerror = () => failed("its worker's answer could not be read");
    this.#opened = this.#tell(worker, { ask: "open", data: carried(INPUT_ID) });
    return worker;
  }

  #tell(worker: Worker, ask: Ask): Promise<Outcome<Answer>> {
    const number = ++this.#asked, { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(number, resolve);
    worker.postMessage({ ...ask, number });
    return promise;
  }
}

function carried(id: string): string {
  return document.getElementById(id)!.textContent!;
}
