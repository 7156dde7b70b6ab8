/// <reference lib="dom" />
/**
 * What the page does beyond showing itself. Without it a report's page has the same content. That page makes no request and keeps nothing; one that
 * `deno task watch` serves asks that server, and no other.
 */
import { LIVE_ID } from "../page/ids.ts";
import { watchLive } from "./live.ts";
import { Page } from "./page.ts";

const live = document.getElementById(LIVE_ID);
if (live) watchLive(live);
else new Page({ isDrawnHere: false });
