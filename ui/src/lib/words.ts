// Codes as words, and numbers with their units.
import type { CaseStatus, Disposition, PresenceState, Remark } from "../api/types";
import { digitsOf } from "./amount";

export function money(minor: number | null | undefined, currency: string | null | undefined): string {
  if (minor === null || minor === undefined) return "";
  if (!currency) return `${minor} minor units`;
  const digits = digitsOf(currency);
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  try {
    return new Intl.NumberFormat("en-US", { style: "currency", currency, ...places }).format(minor / 10 ** digits);
  } catch {
    return `${minor} ${currency}`;
  }
}

export function quantity(milli: number | null | undefined, uom?: string | null): string {
  if (milli === null || milli === undefined) return "";
  const number = new Intl.NumberFormat("en-US", { maximumFractionDigits: 3 }).format(milli / 1000);
  return uom && !/^(ea|each|pc|pcs|h87)$/i.test(uom) ? `${number} ${uom}` : number;
}

// NO_SALE, no_sale → No sale
export function words(code: string | null | undefined): string {
  if (!code) return "";
  const text = code.replace(/_/g, " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export const DISPOSITIONS: { code: Exclude<Disposition, "reopened">; key: string; name: string; help: string }[] = [
  { code: "confirmed", key: "1", name: "Confirmed loss", help: "A loss by intent" },
  { code: "policy", key: "2", name: "Policy", help: "Against the rules of the house" },
  { code: "operational", key: "3", name: "Operational", help: "Equipment, training or process" },
  { code: "no_issue", key: "4", name: "No issue", help: "Nothing wrong: a false alert" },
  { code: "follow_up", key: "5", name: "Follow up", help: "Look at it again later" },
  { code: "duplicate", key: "6", name: "Duplicate", help: "The same as another alert; says nothing of the rule" },
  { code: "cannot_tell", key: "7", name: "Cannot tell", help: "Not even from the video; says nothing of the rule" },
];

export function dispositionName(code: Disposition | Remark | null): string {
  if (code === null) return "Open";
  if (code === "explained") return "Explained by the store";
  if (code === "look_at_it") return "The store asks to look";
  if (code === "reopened") return "Reopened";
  return DISPOSITIONS.find((each) => each.code === code)?.name ?? words(code);
}

// A reopened alert is as open as a new one.
export function isOpen(disposition: Disposition | null): boolean {
  return disposition === null || disposition === "reopened";
}

// What closes an alert, among all that is said of it.
export function isDecision(code: Disposition | Remark): boolean {
  return DISPOSITIONS.some((each) => each.code === code);
}

export const CASE_STATUS: { code: CaseStatus; name: string; help: string }[] = [
  { code: "new", name: "New", help: "Nobody has begun" },
  { code: "in_progress", name: "In progress", help: "Somebody is at it" },
  { code: "prevented", name: "Prevented", help: "The loss was stopped" },
  { code: "confirmed", name: "Confirmed", help: "The loss is proved" },
  { code: "resolved", name: "Resolved", help: "Closed, with what was lost" },
];

export function caseStatus(code: CaseStatus): string {
  return CASE_STATUS.find((each) => each.code === code)?.name ?? words(code);
}

// "3 alerts, 1 receipt"
export function caseContents(of: { alerts: number; receipts: number; clips: number; notes: number }): string {
  const parts = (["alerts", "receipts", "clips", "notes"] as const).flatMap((each) =>
    of[each] > 0 ? `${of[each]} ${of[each] === 1 ? each.slice(0, -1) : each}` : [],
  );
  return parts.join(", ") || "nothing in it yet";
}

export function isResolved(code: CaseStatus): boolean {
  return code === "resolved";
}

export const PRESENCE: Record<PresenceState, string> = {
  present: "Somebody there",
  absent: "Nobody there",
  unknown: "Cannot be told",
};

const BLIND: Record<string, string> = {
  silent: "the analysis has said nothing for some seconds",
  starting: "the analysis has just begun",
  no_signal: "no picture comes",
  frozen: "the picture is frozen",
  covered: "the picture is black or covered",
  shed: "too few frames could be analysed",
  lost: "a person was lost inside the zone",
  motion: "something moves that is no recognised person",
  undecodable: "the picture cannot be decoded",
};

export function presenceWords(state: PresenceState, blind: string | null): string {
  const why = blind ? (BLIND[blind] ?? words(blind).toLowerCase()) : "";
  return state === "unknown" && why ? `${PRESENCE.unknown}: ${why}` : PRESENCE[state];
}

const GAPS: Record<string, string> = {
  not_started: "recording had not begun",
  unreachable: "the camera did not answer",
  refused: "the camera refused the user or the password",
  disconnected: "the connection broke",
  no_frames: "no frames came",
  clock_step: "the clocks jumped",
  crash: "the recorder ended without closing its files",
  stopped: "the recorder was stopped",
  disk: "the disk refused to write",
  unscheduled: "recording was not wanted",
  unknown: "the index was rebuilt and does not say why",
  expired: "deleted by retention",
};

export function gapWords(reason: string | null | undefined): string {
  return reason ? (GAPS[reason] ?? words(reason).toLowerCase()) : "no reason was recorded";
}

// Why there is no picture, for who runs a store; the whole of it names streams and microseconds.
export function noStill(why: string): string {
  return why.startsWith("there is no video") ? "nothing was recorded at that moment" : why;
}

// Ids in brackets after what is named already.
export function withoutIds(text: string): string {
  return text.replace(/ \([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\)/g, "");
}
