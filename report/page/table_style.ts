/** What is compared: as wide as the window, scrolling by itself where it is wider. */
export const COMPARE_STYLE = `
#compare { margin-inline: min(0px, 50% - 50vw + 1.5rem); }
#compare > div > :not(.scroll, .columns-beside) { max-width: 64rem; margin-inline: auto; }
#compare table { margin-inline: auto; } #compare th, #compare td { padding: .3rem .5rem; } #compare .scroll th:first-child { position: sticky; left: 0; background: var(--paper); }
#compare tr:has(+ .by-seed) > * { border: 0; } #compare .by-seed > * { padding-block: 0 .2rem; color: var(--muted); font-weight: normal; } #compare .by-seed th { padding-left: 1.5rem; }
.columns-beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem 1.5rem; margin: .5rem 0; }
.columns-beside > section { min-width: 0; border-top: 1px solid var(--line); padding-top: .6rem; font-size: .9rem; overflow-wrap: anywhere; }
mark { color: inherit; background: var(--tint); } .equations mark::before { content: "≠ "; }
[data-compare] { font: inherit; } button[data-compare][aria-pressed=true]::before { content: "✓ "; } td:has(> [data-compare]) { text-align: center; }
.chosen { position: fixed; right: 1rem; bottom: 3rem; z-index: 3; display: flex; flex-wrap: wrap; gap: .4rem .8rem; align-items: center; max-width: calc(100vw - 2rem);
  box-sizing: border-box; padding: .5rem .9rem; background: var(--card); border: 1px solid var(--mark); border-radius: .4rem; font-size: .9rem; } .chosen button { font: inherit; }
@media print { #compare { margin-inline: 0; } .chosen { display: none; } .columns-beside { grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); } }
`;

/** The style of the table of all configurations: as wide as the window, with headings and ids that stay in view. */
import { EXTRA, WITH_SCRIPT } from "./html.ts";

/**
 * A table that fits scrolls with the page, its headings under the filter bar, whose height is `--bar`; one that is wider scrolls by itself, since an
 * element that scrolls sideways holds what is sticky in it.
 */
export const TABLE_STYLE = `
html:not(.script) .${WITH_SCRIPT} { display: none; }
#runs { margin-inline: min(0px, 50% - 50vw + 1.5rem); }
#runs table { min-width: min(100%, 62rem); margin-inline: auto; }
#runs th, #runs td { padding: .3rem .4rem; }
#runs th { font-size: .8rem; } #runs th[aria-sort] button::after { display: inline-block; width: 0; font-size: .7em; }
#runs .tick { padding: .3rem .2rem; } #runs th.tick { min-width: 2.6rem; } #runs .off { color: var(--muted); }
.script #runs .${EXTRA} { display: none; }
#runs td:has(a) { position: sticky; left: 0; background: var(--paper); }
#runs tr.marked > td:has(a) { background: var(--tint); }
.table-fits #runs .scroll { overflow: visible; }
.table-fits #runs th { position: sticky; top: var(--bar, 0px); z-index: 1; background: var(--paper); box-shadow: 0 1px var(--line); }
#runs th.${WITH_SCRIPT} { font-size: 0; }
.columns:not([open]) { width: fit-content; }
.columns fieldset { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 0; padding: .2rem .8rem .8rem; border: 0; font-size: .9rem; }
.columns legend { padding: 0; } .columns button { font: inherit; }
@media print {
  #runs { margin-inline: 0; } #runs .${EXTRA}, .${WITH_SCRIPT} { display: none !important; }
  #runs table { min-width: 0; } #runs th, #runs th.tick { font-size: inherit; min-width: 0; } #runs th, #runs td { position: static !important; padding: .1rem .2rem; }
}
`;
