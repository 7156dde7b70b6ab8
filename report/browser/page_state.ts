/**
 * What a person has chosen to see, in the fragment of the page's address, so that it can be sent: `#only=n_layers%3D2&runs=1a2b3c4d&at=effects`. A
 * fragment without `=` is a place on the page and nothing else, as links have it.
 */

/** What is chosen. Empty: nothing is. */
export interface PageState {
  /** The expression that selects configurations. */
  readonly only: string;
  /** Configurations to compare, by their names on the page. */
  readonly runs: readonly string[];
  /** Columns of the table that are shown beside or hidden against the usual ones: `+key`, `-key`. */
  readonly columns: readonly string[];
  /** What the table is sorted by: a column's key, with `-` before it for descending. */
  readonly sort: string;
  /** The id of a place on the page. */
  readonly at: string;
}

export const NOTHING_CHOSEN: PageState = { only: "", runs: [], columns: [], sort: "", at: "" };

/** @param hash `location.hash`; what is no state in it is left out */
export function stateIn(hash: string): PageState {
  const text = hash.replace(/^#/, "");
  if (!text.includes("=")) return { ...NOTHING_CHOSEN, at: decoded(text) };
  const values = new URLSearchParams(text);
  const list = (key: string) => (values.get(key) ?? "").split(",").filter(Boolean);
  return {
    only: values.get("only") ?? "",
    runs: list("runs"),
    columns: list("columns"),
    sort: values.get("sort") ?? "",
    at: values.get("at") ?? "",
  };
}

/** The fragment of a state, `#` included; empty where nothing is chosen. */
export function hashOf({ only, runs, columns, sort, at }: PageState): string {
  const chosen: [string, string][] = [
    ["only", only],
    ["runs", runs.join(",")],
    ["columns", columns.join(",")],
    ["sort", sort],
  ];
  const pairs = chosen.filter(([, value]) => value);
  if (!pairs.length) return at && `#${encodeURIComponent(at)}`;
  return `#${new URLSearchParams([...pairs, ...(at ? [["at", at]] : [])])}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
