/** Text from a model or a file may hold control characters, which HTML must not, and at which readers of CSV stop. */

/** The text with pictures (`␀`) in the place of control characters, but for tabs and line feeds. */
export function drawControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f]/g, (control) => String.fromCharCode(0x2400 + control.charCodeAt(0)))
    .replaceAll("\x7f", "␡");
}
