// Back-tests: the contract of /api/v1/backtests, its requests and how long an answer holds. Administrators only.
import { queryOptions } from "@tanstack/react-query";
import { get, send } from "./http";
import { client } from "./queries";
import type { Precision, Rule } from "./rule";
import type { Disposition, Instant, Outcome } from "./types";

export type Against = "live" | "library";
export type BacktestState = "queued" | "running" | "done" | "failed" | "cancelled";

export type BacktestProgress = { done: number; of: number; seconds_left: number | null };

export type BacktestSummary = {
  rate: number;
  // Null where one of the rules judged nothing before.
  rate_before: number | null;
  gained: number;
  lost: number;
  lost_confirmed: number;
};

export type Backtest = {
  backtest_id: string;
  rules: string[];
  stores: string[];
  // Business days.
  from: string;
  to: string;
  params: Record<string, number>;
  against: Against;
  asked_at: Instant;
  state: BacktestState;
  before: number;
  progress: BacktestProgress | null;
  began_at: Instant | null;
  ended_at: Instant | null;
  problem: string | null;
  summary: BacktestSummary | null;
};

type Said = { outcome: Outcome; why: string };

export type BacktestAlert = {
  alert_id: string;
  rule_id: string;
  store_id: string;
  register_id: string;
  event_time: Instant;
  local_time: string;
  words: string;
  before: Said | null;
  now: Said | null;
  decided: Disposition | null;
  known: boolean;
};

export type BacktestAlerts = { count: number; decided: number; confirmed: number; items: BacktestAlert[] };

export type BacktestRule = {
  rule_id: string;
  fired: number;
  silent: number;
  indeterminate: number;
  rate: number;
  fired_before: number | null;
  rate_before: number | null;
  seconds: number;
  precision: Precision | null;
  precision_before: Precision | null;
};

export type BacktestDay = { day: string; stores: number; fired: number; fired_before: number };

export type BacktestResult = {
  from: string;
  to: string;
  store_ids: string[];
  store_days: number;
  transactions: number;
  tiles: number;
  seconds: number;
  against: string;
  summary: BacktestSummary;
  rules: BacktestRule[];
  blind: { rule_id: string; why: string; count: number }[];
  days: BacktestDay[];
  uncompared: string[];
  same: number;
  differs: number;
  gained: BacktestAlerts;
  lost: BacktestAlerts;
  otherwise: BacktestAlerts;
  alerts: BacktestAlerts;
};

export type BacktestDetail = Backtest & { result: BacktestResult | null };

// Those that do not judge included.
export type AskableRule = Rule & { on: boolean };

export type BacktestDraft = Pick<Backtest, "rules" | "stores" | "from" | "to" | "params" | "against">;

const BASE = "/api/v1/backtests";

export const isOver = (state: BacktestState): boolean => state !== "queued" && state !== "running";

// While something is under way it is asked for again and again.
export const backtestsQuery = queryOptions({
  queryKey: ["backtests"],
  queryFn: ({ signal }) => get<{ rules: AskableRule[]; items: Backtest[] }>(BASE, signal),
  refetchInterval: ({ state }) => (state.data?.items.some((each) => !isOver(each.state)) ? 2_000 : false),
});

export const backtestQuery = (id: string) =>
  queryOptions({
    queryKey: ["backtests", id],
    queryFn: ({ signal }) => get<BacktestDetail>(`${BASE}/${encodeURIComponent(id)}`, signal),
    refetchInterval: ({ state }) => (state.data && !isOver(state.data.state) ? 1_000 : false),
  });

const again = <T>(answer: T) => client.invalidateQueries({ queryKey: ["backtests"] }).then(() => answer);

export const askBacktest = (draft: BacktestDraft) => send<Backtest>("POST", BASE, draft).then(again);
// Cancels one that waits or runs, and forgets one that is over.
export const endBacktest = (id: string) => send<void>("DELETE", `${BASE}/${encodeURIComponent(id)}`).then(again);
