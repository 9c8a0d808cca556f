// What people are told of, and why the rest was held back, in words.
import type { RuleTurn } from "../api/rule";
import type { AlertSummary, Sending } from "../api/types";

export type View = "sent" | "held" | "all" | "shadow";

export const VIEWS: readonly (readonly [View, string])[] = [
  ["sent", "Sent"],
  ["all", "Sent and held back"],
  ["held", "Held back"],
  ["shadow", "Rules on trial"],
];

const HELD: Partial<Record<Sending, { name: string; help: string }>> = {
  severity: { name: "Browse only: mild", help: "Less severe than what is sent" },
  budget: {
    name: "Browse only: beyond the day’s budget",
    help: "Others of its store’s day were expected to be worth more",
  },
  demoted: { name: "Browse only: rule often wrong", help: "Its rule was wrong too often; its page has the numbers" },
  shadow: { name: "On trial", help: "Its rule is on trial: it judges, and sends nothing" },
};

// What a chip says of an alert that was not sent; null of one that was.
export function sendingMark(alert: Pick<AlertSummary, "sending" | "picked">): { name: string; help: string } | null {
  const held = HELD[alert.sending];
  if (!held) return null;
  if (alert.picked === null) return held;
  const help = `${held.help}. 1 in ${Math.round(1 / alert.picked)} of these is shown all the same.`;
  return { name: "Picked at random, to learn how good this rule is", help };
}

// Whether an alert is of a view of the queue; what a store asks for and what somebody was given is told of in any case.
export function inView(alert: AlertSummary, view: View = "sent"): boolean {
  if (view === "shadow") return alert.sending === "shadow";
  const told = alert.sent || alert.assignee !== null || alert.asked !== null;
  if (view === "sent") return told;
  return alert.sending !== "shadow" && (view === "all" || !told);
}

const percent = (permille: number) => `${(permille / 10).toFixed(1)} %`;

// “1.0 is held back: 0 of 35 decided alerts were confirmed, 9.9 % at most, less than 10.0 %”
export function turnWords(turn: RuleTurn): string {
  const alerts = turn.decided === 1 ? "alert" : "alerts";
  const counted = `${turn.confirmed} of ${turn.decided} decided ${alerts} ${turn.confirmed === 1 ? "was" : "were"} confirmed`;
  return turn.held_back
    ? `${turn.version} is held back: ${counted}, ${percent(turn.high_permille)} at most, less than ${percent(turn.floor_permille)}`
    : `${turn.version} is sent again: ${counted}, ${percent(turn.share_permille)}, not less than ${percent(turn.floor_permille)}`;
}
