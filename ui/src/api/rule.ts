// What the API says of rules: what each looks for, how often it was right, when it was held back.
import type { AlertSummary, Instant, Outcome, Severity } from "./types";

export type RuleParam = {
  name: string;
  value: string;
  unit: string | null;
  description: string;
  min: number;
  max: number;
};
export type Rule = {
  id: string;
  version: string;
  name: string;
  description: string;
  severity: Severity;
  // What else may be behind an alert, a sentence each.
  innocent: string[];
  params: RuleParam[];
  // Since when its alerts are held back because it was wrong too often; only where rules are listed.
  held_back_since?: Instant | null;
};

// How often alerts were confirmed, and between what it lies in 95 of 100 cases.
export type Precision = { confirmed: number; decided: number; share: number; low: number; high: number };
export type RulePrecision = Precision & { version: string; picked: number };
// A version of a rule was held back because it was wrong too often, or sent again.
export type RuleTurn = {
  version: string;
  at: Instant;
  held_back: boolean;
  decided: number;
  confirmed: number;
  share_permille: number;
  low_permille: number;
  high_permille: number;
  floor_permille: number;
};

// How often a rule accuses somebody innocent, by its newest back-test.
export type FalseAccusations = {
  from: string;
  to: string;
  store_days: number;
  transactions: number;
  fired: number;
  decided: number;
  innocent: number;
  per_thousand: number | null;
  low: number;
  high: number;
};

export type RuleDetail = {
  rule: Rule;
  title: string;
  explanation: string;
  anchor: string[];
  lookback_seconds: number;
  lookahead_seconds: number;
  zones: string[];
  needs: { field: string; kinds: string[] }[];
  blind_to: string[];
  sql: string;
  // That of the version that judges.
  precision: RulePrecision | null;
  versions: RulePrecision[];
  false_accusations: FalseAccusations | null;
  // Newest first.
  turns: RuleTurn[];
  // How often it could not see, by store, in the last 28 days.
  blind: { store_id: string; times: number; of: number }[];
  outcomes: { outcome: Outcome; why: string; times: number }[];
  alerts: AlertSummary[];
};
