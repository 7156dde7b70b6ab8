/** How much room text takes in a picture, and how it is made to fit. */
import { maxOf } from "../../cells/extremes.ts";
import { SIZE } from "./theme.ts";

/** Widths of text are not known without a font; this is DejaVu Sans's mean advance, in ems, with some to spare. */
const ADVANCE = 0.59;

/** Of the narrowest characters: what is longer than these would be is cut at once. */
const LEAST_ADVANCE = 0.33;

/** Bold text is so much wider. */
export const BOLD = 1.12;

/** The smallest text of a picture, in pixels: less is not read, so longer text is cut. */
export const LEAST_SIZE = 8;

/** About how wide a text is drawn, in pixels. */
export function textWidth(text: string, size: number = SIZE.text): number {
  return text.length * size * ADVANCE;
}

/** Characters that are far from the mean, with their advances in DejaVu Sans, in ems: in a short label they count. */
const ADVANCES: ReadonlyMap<string, number> = new Map(
  [[" .,:;!|'ijlI·", 0.33], ["w×−+=<>~", 0.84], ["mMW%@…", 1], ["0123456789", 0.64], ["ABCDEFGHKLNOPQRSTUVXYZ", 0.74]]
    .flatMap(([characters, ems]) => [...`${characters}`].map((one): [string, number] => [one, Number(ems)])),
);

/** The width of a line, in pixels: of a prose line the usual estimate, of a label of wide letters more. */
function lineWidth(line: string, size: number): number {
  const ems = [...line].reduce((sum, one) => sum + (ADVANCES.get(one) ?? 0.62), 0);
  return Math.max(textWidth(line, size), ems * size);
}

/** The width of the widest line of some texts, in pixels. */
export function widest(texts: readonly string[], size: number): number {
  return maxOf(texts.flatMap((text) => text.split("\n")).map((line) => lineWidth(line, size)), 0);
}

/**
 * A size of text, or a smaller one at which what is `width` wide at that size fits into `room`, in pixels; never less than
 * {@linkcode LEAST_SIZE}.
 */
export function scaledToFit(width: number, room: number, size: number): number {
  const share = room / width;
  return share < 1 ? Math.max(LEAST_SIZE, Math.floor(10 * size * share) / 10) : size;
}

/** A text, each line of which ends with `…` where it would be wider than `room`. */
export function shortened(text: string, room: number, size: number): string {
  return text.split("\n").map((line) => {
    if (lineWidth(line, size) <= room) return line;
    const characters = [...line].slice(0, Math.max(0, Math.floor(room / (size * LEAST_ADVANCE))));
    while (characters.length && lineWidth(`${characters.join("")}…`, size) > room) characters.pop();
    return `${characters.join("").trimEnd()}…`;
  }).join("\n");
}

/** Texts of one size, in pixels. */
export interface FittedTexts {
  readonly texts: readonly string[];
  readonly size: number;
}

/**
 * Texts that each fit into `room` pixels, at one size: as they are, else the wide ones in more lines or all smaller, whichever leaves them
 * larger; cut where the smallest size is too large.
 *
 * @param lines the most that a text may have
 * @param boldness how much wider than usual text they are drawn
 */
export function fitTogether(
  texts: readonly string[],
  room: number,
  size: number,
  { lines = 1, boldness = 1 }: { lines?: number; boldness?: number } = {},
): FittedTexts {
  const isTooWide = (text: string) => boldness * widest([text], size) > room;
  const ways = Array.from({ length: lines }, (_, i): FittedTexts => {
    const laid = texts.map((text) => isTooWide(text) ? wrapped(text, i + 1) : text);
    return { texts: laid, size: scaledToFit(boldness * widest(laid, size), room, size) };
  });
  const best = ways.reduce((best, way) => way.size > best.size ? way : best);
  return { ...best, texts: best.texts.map((text) => shortened(text, room / boldness, best.size)) };
}

/** A text in up to so many lines, broken behind spaces and underscores so that the longest line is as short as can be. */
export function wrapped(text: string, lines: number): string {
  const pieces = text.split(/(?<=[ _])/);
  const longest = (laid: readonly string[]) => maxOf(laid.map(({ length }) => length));
  const lay = (from: number, left: number): string[] => {
    const join = (to?: number) => pieces.slice(from, to).join("").trimEnd();
    const broken = left === 1 ? [] : pieces.slice(from + 1).map((_, i) => {
      const to = from + 1 + i;
      return [join(to), ...lay(to, left - 1)];
    });
    return [[join()], ...broken].reduce((best, laid) => longest(laid) < longest(best) ? laid : best);
  };
  return lay(0, lines).join("\n");
}

/** More lines than these no text under a title has. */
const MOST_LINES = 3;

/** A line is broken behind a sentence or a part of one where it is as full as this share of its room; else behind the last word that fits. */
const FULL = 0.55;
/** Behind what a line is broken, the best first. */
const BREAKS = [/[.;:!?]$/, /,$/, /./];

/** A text in lines that fit into `room` pixels, each as full as it can be; as it is where a word is too long, or the lines are too many. */
export function brokenTo(text: string, room: number, size: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (lineWidth(rest, size) > room) {
    const fitting = [...rest.matchAll(/ /g)].map(({ index }) => rest.slice(0, index))
      .filter((line) => line && lineWidth(line, size) <= room);
    if (!fitting.length || lines.length + 1 === MOST_LINES) return [text];
    const full = fitting.filter((line) => lineWidth(line, size) >= FULL * room), among = full.length ? full : fitting;
    const line = BREAKS.map((end) => among.findLast((one) => end.test(one))).find((one) => one !== undefined)!;
    lines.push(line);
    rest = rest.slice(line.length + 1);
  }
  return [...lines, rest];
}
