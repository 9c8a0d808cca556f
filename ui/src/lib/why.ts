// Why a rule said what it said, in words.
import { words } from "./words";

// As the daily report says them.
const WHY: Record<string, string> = {
  no_camera: "no camera looks there",
  no_presence: "no camera said whether somebody was there",
  rule_failed: "the rule itself failed on it",
  too_long: "it took longer than the rule looks at",
  no_match: "nothing of the kind was found",
  left_out: "this register or operator is left out by Set up, Rules",
  switched_off: "the rule is switched off here",
  camera_no_signal: "no picture came from the camera",
  camera_frozen: "the camera's picture was frozen",
  camera_covered: "the camera's picture was black or covered",
  missing_operator_id: "the receipt names no operator",
  missing_supervisor_id: "the receipt does not say who approved it",
  missing_reference: "the receipt does not say which sale it is about",
  missing_tenders: "the receipt does not say how it was paid",
  missing_total_minor: "the receipt has no total",
  missing_card_token: "the receipt does not say which card it was",
  missing_entry: "the receipt does not say whether items were typed or scanned",
};

export function whyWords(why: string): string {
  return WHY[why] ?? words(why).toLowerCase();
}
