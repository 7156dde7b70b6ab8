/** Whose turn it is to compute: as many groups at a time as there are processors for. The next ones open and wait meanwhile. */
export class Turns {
  #free: number;
  /** In the order in which they asked. */
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** A turn that is not yet taken. */
  next(): Turn {
    return new Turn(this);
  }

  /** Waits until a turn is free, and takes it. @returns false if the signal came before: then none is taken */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false;
    if (this.#free > 0) {
      this.#free--;
      return true;
    }
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const take = () => resolve(true), leave = () => resolve(false);
    this.#waiting.push(take);
    signal.addEventListener("abort", leave, { once: true });
    const isTaken = await promise;
    signal.removeEventListener("abort", leave);
    const at = this.#waiting.indexOf(take);
    if (at >= 0) this.#waiting.splice(at, 1);
    else if (!isTaken) this.giveBack();
    return isTaken;
  }

  giveBack(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}

/** One group's turn: to be taken before its first step, and given back after its last score. */
export class Turn implements Disposable {
  #isTaken = false;

  constructor(private readonly turns: Turns) {}

  /** Waits for the turn, unless the signal comes. Taken twice, it is the same. */
  async take(signal: AbortSignal): Promise<void> {
    this.#isTaken ||= await this.turns.take(signal);
  }

  /** Gives it back, if it was taken. */
  [Symbol.dispose](): void {
    if (this.#isTaken) this.turns.giveBack();
    this.#isTaken = false;
  }
}
