/** Text from a model or a file may hold anything: characters that HTML and SVG must not hold, that end a text, or that steer a terminal. */

/** The text with pictures (`␀`) in the place of control characters, but for tabs and line feeds. */
export function drawControls(text: string): string {
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  return text.replace(/[\x00-\x08\x0b-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replaceAll("\x7f", "␡");
}

/** The text as pages can show it: also without C1 controls, and what is not a character, neither of which XML holds for sure. */
export function showable(text: string): string {
  return drawControls(text.toWellFormed()).replace(/[\x80-\x9f\ufffe\uffff]/g, "\ufffd");
}

/** Longer than any name or reason that this program writes; a picture and a terminal have no room for more. */
const LONGEST = 300;

/**
 * The text as one line that a terminal, a log, a picture and a page can show, and cut where it is too long. Runtimes write messages of
 * several lines, and names in files may hold anything.
 */
export function oneLine(text: string, most = LONGEST): string {
  const cut = text.length > most ? `${text.slice(0, most)}…` : text;
  const lines = cut.split(/[\t\v\f\r\n\u2028\u2029]+/).map((line) => line.trim()).filter((line) => line);
  return showable(lines.join(" "));
}

/** A byte as one visible sign: `␣`, `↵`, `e`, `␀`; a byte that is no ASCII, and a token, as its number. */
export function visibleByte(byte: number): string {
  if (byte >= 0x80) return byte < 0x100 ? `0x${byte.toString(16)}` : `${byte}`;
  return byte === 0x20 ? "␣" : byte === 0x0a ? "↵" : byte === 0x09 ? "⇥" : drawControls(String.fromCharCode(byte));
}
