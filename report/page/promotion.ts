/** What the page of experiment 02 says on the ranking that it was chosen by. */
import { ANY_STUDY } from "../../train/terminal/advice.ts";
import { escapeHtml } from "./html.ts";
import type { PromotionAudit } from "../statistics/promotion_audit.ts";
import { PROMOTION_HEADING, promotionWords } from "../tables/promotion_words.ts";

/** Do short runs predict long ones?, with its heading; nothing for an experiment that was not chosen by one. */
export function promotionOnPage(audit: PromotionAudit | undefined): string {
  if (!audit) return "";
  const paragraphs = promotionWords(audit, ANY_STUDY).map((text) => `<p>${escapeHtml(text)}</p>`);
  return [`<h2>${escapeHtml(PROMOTION_HEADING)}</h2>`, ...paragraphs].join("\n");
}
