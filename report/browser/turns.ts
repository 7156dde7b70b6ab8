/// <reference lib="dom" />
/** Work in pieces, between which the page answers. */

/** Lets the browser do what is waiting. */
export function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel(), { promise, resolve } = Promise.withResolvers<void>();
  port1.onmessage = () => {
    port1.close();
    resolve();
  };
  port2.postMessage(undefined);
  return promise;
}
