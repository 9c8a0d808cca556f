// Tokens and feeds: the contract of /api/v1/setup/tokens and /api/v1/feeds. Administrators only.
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";
import { get, Problem, queryString, send } from "./http";
import { each } from "./setup";
import type { Instant, Page } from "./types";

export type TokenKind = "integrator" | "sql" | "metrics" | "person";

export type Token = {
  login: string;
  kind: TokenKind;
  owner: string;
  name: string;
  stores: string[];
  created_at: Instant;
  created_by: string | null;
  last_used_at: Instant | null;
};

export type Integrator = { integrator_id: string; stores: string[]; topic: string };
export type TokenPage = { items: Token[]; integrators: Integrator[] };
export type TokenDraft = { kind: TokenKind; owner?: string; name: string; stores?: string[] };

export type FeedCount = { accepted: number; duplicates: number; rejected: number; warned: number };
export type Lag = { p50_ms: number; p95_ms: number; of: number };

export type FeedRecord = {
  received_at: Instant;
  event_time: Instant | null;
  outcome: "accepted" | "duplicate" | "rejected";
  kind: string | null;
  receipt_no: string | null;
  event_id: string | null;
  lag_ms: number | null;
  code: string | null;
  detail: string | null;
  warning: string | null;
};

export type FeedRegister = {
  store_id: string;
  register_id: string;
  state: "live" | "silent";
  last_received_at: Instant | null;
  last_event_time: Instant | null;
  today: FeedCount;
  lag: Lag | null;
  records: FeedRecord[];
};

export type Reject = {
  at: Instant;
  code: string;
  detail: string;
  problems: { pointer: string; detail: string }[];
  store_id: string | null;
  register_id: string | null;
  topic: string;
  partition: number;
  offset: number;
  bytes: number;
  text: string;
  truncated: boolean;
};

export type RejectCount = {
  code: string;
  words: string;
  count: number;
  last_at: Instant | null;
  problems: { pointer: string; detail: string; count: number }[];
  example: Reject | null;
};

export type FeedBlind = {
  rule_id: string;
  name: string;
  missing: string;
  words: string;
  without: number;
  of: number;
  share: number;
};

export type Feed = {
  integrator_id: string;
  topic: string;
  state: "live" | "silent" | "never";
  last_received_at: Instant | null;
  today: FeedCount;
  lag: Lag | null;
  rejects: RejectCount[];
  registers: FeedRegister[];
  blind: FeedBlind[];
  silent: { store_id: string; register_id: string; last_received_at: Instant | null }[];
};

export type FeedPage = { items: Feed[]; since: Instant; complete: boolean; problems: string[] };
export type RejectPage = Page<Reject> & { problems: string[] };

export type NumberSpan = { first: number; last: number };

export type RegisterArrivals = {
  integrator_id: string;
  register_id: string;
  records: number;
  unnumbered: number;
  first_no: number | null;
  last_no: number | null;
  first_at: Instant | null;
  last_at: Instant | null;
  missing: number;
  gaps: NumberSpan[];
  shared: NumberSpan[];
  corrections: number;
  duplicates: number | null;
  quarantined: number | null;
};

export type Completeness = {
  store_id: string;
  day: string;
  whole: boolean;
  registers: RegisterArrivals[];
  quarantined: number | null;
  problems: string[];
};

export type RecordAnswer = {
  index: number;
  result: "accepted" | "duplicate" | "quarantined";
  event_id: string | null;
  code: string | null;
  detail: string | null;
  problems: { pointer: string; detail: string }[];
  blind?: { rule_id: string; name: string; missing: string; words: string }[];
  warning?: string | null;
};

export type Intake = {
  dry_run: boolean;
  accepted: number;
  duplicates: number;
  quarantined: number;
  records: RecordAnswer[];
};

export const tokensQuery = queryOptions({
  queryKey: ["tokens"],
  queryFn: ({ signal }) => get<TokenPage>("/api/v1/setup/tokens", signal),
});

export const addToken = (draft: TokenDraft) =>
  send<{ token: Token; secret: string }>("POST", "/api/v1/setup/tokens", draft);
export const revokeToken = (login: string) => send<void>("DELETE", `/api/v1/setup/tokens/${encodeURIComponent(login)}`);

export type FeedFilter = { store?: string; integrator?: string };

export const feedsQuery = (filter: FeedFilter, live: boolean) =>
  queryOptions({
    queryKey: ["feeds", filter],
    queryFn: ({ signal }) => get<FeedPage>(`/api/v1/feeds${queryString(filter)}`, signal),
    refetchInterval: live ? each(3_000) : false,
    staleTime: 2_000,
    placeholderData: keepPreviousData,
  });

export const completenessQuery = (store: string, day: string, integrator?: string) =>
  queryOptions({
    queryKey: ["feeds", "completeness", store, day, integrator ?? ""],
    queryFn: ({ signal }) =>
      get<Completeness>(
        `/api/v1/feeds/${encodeURIComponent(store)}/completeness${queryString({ day, integrator })}`,
        signal,
      ),
  });

export const rejectsQuery = (integrator: string, code: string, store?: string) =>
  infiniteQueryOptions({
    queryKey: ["feeds", "rejects", integrator, code, store ?? ""],
    queryFn: ({ pageParam, signal }) =>
      get<RejectPage>(
        `/api/v1/feeds/rejects${queryString({ integrator, code, store, cursor: pageParam, limit: 20 })}`,
        signal,
      ),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
  });

// Asks what would become of records, as their integrator: the answer comes with status 200 when all are right, 422 when
// some are not. Nothing is written.
export async function tryRecords(text: string, token: string, lines: boolean, signal: AbortSignal): Promise<Intake> {
  let response: Response;
  try {
    response = await fetch("/api/v1/pos/transactions?dry_run=1", {
      method: "POST",
      // The token speaks, not the session.
      credentials: "omit",
      headers: {
        accept: "application/json",
        authorization: `Bearer ${token}`,
        "content-type": lines ? "application/x-ndjson" : "application/json",
      },
      body: text,
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer", "The request did not get through.");
  }
  const body = (await response.json().catch(() => ({}))) as Partial<Intake> & { title?: string; detail?: string };
  if (Array.isArray(body.records)) return body as Intake;
  if (response.status === 401)
    throw new Problem(422, "The token is not valid", "Paste the secret of an integrator's token that holds.");
  throw new Problem(response.status, body.title ?? `Error ${response.status}`, body.detail ?? "");
}
