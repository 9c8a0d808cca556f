// What a store says of an alert, from its report or its pages: the last word holds.
import type { Disposition, Remark, Review } from "../api/types";

export const REMARKS: { code: Remark; key: string; name: string; help: string }[] = [
  { code: "explained", key: "1", name: "Explained", help: "You know what it was" },
  { code: "look_at_it", key: "2", name: "Look at it", help: "Loss prevention shall look at it" },
];

export type Remarked = Review & { disposition: Remark };

export function isRemark(disposition: Disposition | Remark): disposition is Remark {
  return disposition === "explained" || disposition === "look_at_it";
}

// The newest remark about an alert; decisions are none.
export function lastRemark(reviews: Review[], alert: string): Remarked | undefined {
  return reviews
    .filter((each): each is Remarked => each.alert_id === alert && isRemark(each.disposition))
    .sort((one, other) => other.reviewed_at.localeCompare(one.reviewed_at))[0];
}
