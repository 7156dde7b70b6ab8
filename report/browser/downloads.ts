/// <reference lib="dom" />
/** Downloads of what a picture shows: its data as CSV, and the picture as SVG, as the page shows it now. */
import type { DownloadKind } from "../page/figure.ts";
import type { Outcome } from "./worker_client.ts";

const TYPES: Readonly<Record<DownloadKind, string>> = { csv: "text/csv", svg: "image/svg+xml" };

/** The link to a download on which an event is; undefined where it is on none. */
export function downloadAt(target: Element): HTMLAnchorElement | undefined {
  return target.closest<HTMLAnchorElement>("a[data-download]") ?? undefined;
}

/**
 * Hands a picture's data to the browser, as a file of the link's name.
 *
 * @param suffix of the name, before its ending: what is selected is no other file of all
 * @param ask what a picture of this name shows
 * @returns one line where there is none
 */
export async function download(
  link: HTMLAnchorElement,
  suffix: string,
  ask: (name: string, as: DownloadKind) => Promise<Outcome<string>>,
): Promise<string | undefined> {
  const as = link.dataset.download as DownloadKind;
  link.ariaBusy = "true";
  const outcome = await ask(link.closest("figure")!.id, as);
  link.ariaBusy = null;
  if ("error" in outcome) return outcome.error;
  handOver(link.download.replace(/(?=\.\w+$)/, suffix), outcome.value, TYPES[as]);
  return undefined;
}

/** Hands a text to the browser, as a file of this name. */
export function handOver(name: string, text: string, type: string): void {
  const file = document.createElement("a"), url = URL.createObjectURL(new Blob([text], { type }));
  file.href = url;
  file.download = name;
  file.click();
  // The browser reads it after this turn.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
