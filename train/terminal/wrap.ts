/** Lines that fit a terminal: it would break them within words. */

/**
 * Breaks lines at spaces; what follows a break is indented as its line is, behind its `- `. Words longer than a line stay whole.
 *
 * @param columns characters that fit into a line; absent: any number
 */
export function wrapped(text: string, columns: number | undefined): string {
  return columns ? text.split("\n").map((line) => wrappedLine(line, columns)).join("\n") : text;
}

function wrappedLine(line: string, columns: number): string {
  const [start] = line.match(/^ *(- )?/)!, indent = " ".repeat(start.length);
  const lines: string[] = [];
  for (let rest = line; rest;) {
    const end = breakIn(rest, start.length, columns);
    lines.push(rest.slice(0, end).trimEnd());
    const next = rest.slice(end).trimStart();
    rest = next && indent + next;
  }
  return lines.join("\n");
}

/** Where a line ends: at the last space that fits, else at the first one; no space of its indent counts. */
function breakIn(line: string, indent: number, columns: number): number {
  if (line.length <= columns) return line.length;
  const fitting = line.lastIndexOf(" ", columns), first = line.indexOf(" ", indent);
  return fitting >= indent ? fitting : first < 0 ? line.length : first;
}
