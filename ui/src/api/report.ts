// What the server says of a day of a store: the daily report.

import type { Disposition, Gap, Instant, Review, Severity } from "./types";

export type Rate = {
  name: string;
  value: number | null;
  unit: string;
  events: number;
  of: number;
  baseline_mean: number | null;
  baseline_low: number | null;
  baseline_high: number | null;
  note: string;
  sql: string;
};

export type Exception = {
  alert_id: string;
  rule_id: string;
  title: string;
  reason: string;
  severity: Severity;
  event_time: Instant;
  register_id: string;
  operator_id: string | null;
  receipt_no: string | null;
  amount_minor: number | null;
  lines: { description: string | null; qty_milli: number | null; extended_minor: number | null; action: string }[];
  clock: string;
  no_still: string | null;
  still_url: string | null;
  link: string;
  disposition: Disposition | null;
  // What the store said of it, newest first.
  said: Review[];
};

// A mail with a report, and what became of it.
export type ReportMail = {
  recipient: string;
  revision: number;
  state: "waiting" | "sent" | "refused" | "given_up";
  attempts: number;
  due_at: Instant;
  ended_at: Instant | null;
  said: string | null;
  changes: string[];
};

export type Report = {
  store: { id: string; name: string; tz: string; currency: string };
  business_day: string;
  from: Instant;
  // Its end, or as far as it had come.
  to: Instant;
  // Whether it counts what came after it was due.
  restated: boolean;
  // Whether the business day was over when it was made.
  over: boolean;
  verdict: { level: "quiet" | "look" | "blind"; text: string };
  totals: { transactions: number; sales: number; sales_minor: number; refunds: number; refunds_minor: number };
  exceptions: Exception[];
  // How many more can be browsed, and why they are not listed.
  more: number;
  held: { why: string; count: number; words: string }[];
  rates: Rate[];
  hours: { hour: number; transactions: number }[];
  sight: {
    cameras: {
      camera_id: string;
      name: string;
      registers: string[];
      uptime_permille: number | null;
      gaps: Gap[];
    }[];
    zones: { zone_id: string; seconds: number; unknown_seconds: number }[];
    pos_lag_ms_p95: number | null;
    quarantined: number | null;
    unsynchronised_lanes: string[];
    unknown_registers: string[];
    indeterminate: { rule_id: string; name: string; count: number; of: number; why: string }[];
  };
  questions: { name: string; sql: string }[];
  made_at: Instant;
  as_of: Instant | null;
};
