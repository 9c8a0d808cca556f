// Operators and stores beside their peers: the contract of /api/v1/scores.
import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, queryString } from "./http";
import type { Instant } from "./types";

export type ScoreMeasure = {
  key: string;
  name: string;
  // What it is counted among, after "per 100".
  of: string;
  weight: number;
  question: number;
};

// Rates are per 100.
export type ScorePart = {
  measure: string;
  events: number;
  of: number;
  raw: number;
  rate: number;
  peers: number;
  expected: number;
  points: number;
  contribution: number;
};

export type OperatorPart = ScorePart & {
  low: number;
  high: number;
  q: number | null;
  stands_out: boolean;
  not_with: number | null;
  withheld: "few" | "peers" | "spread" | null;
  query: string | null;
};

export type ScoredOperator = {
  rank: number;
  store_id: string;
  operator_id: string;
  alias: string | null;
  work: "staffed" | "self_checkout" | "service";
  peers: number;
  risk: number;
  stands_out: boolean;
  parts: OperatorPart[];
};

export type ScoredStore = { rank: number; store_id: string; risk: number; parts: ScorePart[] };

export type Scores = {
  // Business days.
  from: string;
  to: string;
  q: number;
  compared: number;
  exposures_enough: number;
  peers_enough: number;
  measures: ScoreMeasure[];
  questions: { name: string; sql: string }[];
  operators: ScoredOperator[];
  operators_total: number;
  stores: ScoredStore[];
  made_at: Instant;
};

export const scoresQuery = (store: string | undefined, days: string | undefined) =>
  queryOptions({
    queryKey: ["scores", store, days],
    queryFn: ({ signal }) => get<Scores>(`/api/v1/scores${queryString({ store, days })}`, signal),
    staleTime: 300_000,
    placeholderData: keepPreviousData,
  });
