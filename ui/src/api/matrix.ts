// The coverage matrix as the server answers it.
import { queryOptions } from "@tanstack/react-query";
import { get } from "./http";
import type { Instant } from "./types";

export type SightState = "live" | "degraded" | "blind" | "off";
export type SightReason = { code: string; words: string; cure: string; registers: string[]; since: Instant | null };
export type SightCell = {
  store_id: string;
  rule_id: string;
  state: SightState;
  since: Instant;
  trial: boolean;
  reasons: SightReason[];
};
export type MatrixPage = {
  // Null while what the tills sent of late is still being read.
  looked_at: Instant | null;
  rules: { rule_id: string; name: string }[];
  stores: string[];
  // What is not live, and what is on trial.
  cells: SightCell[];
  unknown_registers: { store_id: string; register_id: string; since: Instant }[];
  canaries: { store_id: string; state: "came" | "waiting" | "overdue"; sent_at: Instant; came_at: Instant | null }[];
  left_out: string[];
};

export const matrixQuery = queryOptions({
  queryKey: ["matrix"],
  queryFn: ({ signal }) => get<MatrixPage>("/api/v1/matrix", signal),
  staleTime: 5_000,
  refetchInterval: 10_000,
});
