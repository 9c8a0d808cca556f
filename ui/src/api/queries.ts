// What the pages ask the server for, and how long an answer holds.
import {
  infiniteQueryOptions,
  keepPreviousData,
  MutationCache,
  QueryCache,
  QueryClient,
  queryOptions,
} from "@tanstack/react-query";
import { get, Problem, queryString } from "./http";
import type { Report, ReportMail } from "./report";
import type { Rule, RuleDetail } from "./rule";
import type {
  AlertDetail,
  BlindPage,
  Bucket,
  Camera,
  CaseDetail,
  CasePage,
  Coverage,
  Demo,
  Hit,
  Journal,
  Me,
  PersonName,
  QueuePage,
  SavedSearch,
  SearchPage,
  Store,
  TransactionDetail,
} from "./types";

// A session that has ended shows the sign-in, whichever request learns of it.
const signedOut = (error: unknown) => {
  if (error instanceof Problem && error.status === 401) void client.invalidateQueries({ queryKey: ["me"] });
};

export const client: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: signedOut }),
  mutationCache: new MutationCache({ onError: signedOut }),
  defaultOptions: {
    queries: {
      staleTime: 30_000,
      refetchOnWindowFocus: false,
      retry: (count, error) => count < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 502),
    },
  },
});

export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async ({ signal }): Promise<Me | null> => {
    try {
      return await get<Me>("/api/v1/session", signal);
    } catch (error) {
      if (error instanceof Problem && error.status === 401) return null;
      throw error;
    }
  },
  staleTime: Number.POSITIVE_INFINITY,
});

export const storesQuery = queryOptions({
  queryKey: ["stores"],
  queryFn: ({ signal }) => get<{ items: Store[] }>("/api/v1/stores", signal).then((answer) => answer.items),
  staleTime: 60_000,
});

export const camerasQuery = queryOptions({
  queryKey: ["cameras"],
  queryFn: ({ signal }) => get<{ items: Camera[] }>("/api/v1/cameras", signal).then((answer) => answer.items),
});

export const rulesQuery = queryOptions({
  queryKey: ["rules"],
  queryFn: ({ signal }) => get<{ items: Rule[] }>("/api/v1/rules", signal).then((answer) => answer.items),
  staleTime: 300_000,
});

export const ruleQuery = (id: string) =>
  queryOptions({
    queryKey: ["rules", id],
    queryFn: ({ signal }) => get<RuleDetail>(`/api/v1/rules/${encodeURIComponent(id)}`, signal),
  });

export type QueueFilter = {
  state: "open" | "closed" | "all";
  store?: string;
  rule?: string;
  operator?: string;
  assignee?: string;
  // Only what the store asks to look at.
  asked?: "true";
  // What was sent, unless something else is asked for.
  sent?: "held" | "all" | "shadow";
  sort?: "value";
};

export const queueQuery = (filter: QueueFilter) =>
  infiniteQueryOptions({
    queryKey: ["alerts", filter],
    queryFn: ({ pageParam, signal }) =>
      get<QueuePage>(`/api/v1/queue${queryString({ ...filter, cursor: pageParam, limit: 50 })}`, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    staleTime: 60_000,
  });

export const blindQuery = (filter: { store?: string; rule?: string }) =>
  infiniteQueryOptions({
    queryKey: ["blind", filter],
    queryFn: ({ pageParam, signal }) =>
      get<BlindPage>(`/api/v1/blindspots${queryString({ ...filter, cursor: pageParam, limit: 50 })}`, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  });

export const alertQuery = (id: string) =>
  queryOptions({
    queryKey: ["alert", id],
    queryFn: ({ signal }) => get<AlertDetail>(`/api/v1/alerts/${encodeURIComponent(id)}`, signal),
    staleTime: 20_000,
    // What is still being recorded is asked for again when it is whole, and sooner while there is nothing of it.
    refetchInterval: (query) => {
      const video = query.state.data?.video ?? [];
      const due = Math.max(0, ...video.map((each) => Date.parse(each.to_at))) + 5_000 - Date.now();
      if (due <= 0 || due > 600_000) return false;
      return video.some((each) => each.camera_id && !each.play_url) ? Math.min(due, 3_000) : due;
    },
  });

export const transactionQuery = (id: string) =>
  queryOptions({
    queryKey: ["transaction", id],
    queryFn: ({ signal }) => get<TransactionDetail>(`/api/v1/transactions/${encodeURIComponent(id)}`, signal),
  });

export const journalQuery = (id: string, minutes: number) =>
  queryOptions({
    queryKey: ["journal", id, minutes],
    queryFn: ({ signal }) =>
      get<Journal>(`/api/v1/transactions/${encodeURIComponent(id)}/journal${queryString({ minutes })}`, signal),
    placeholderData: keepPreviousData,
  });

// Whom alerts and cases can be given to: nobody who only runs a store. Only loss prevention may know.
export const peopleQuery = (may: boolean) =>
  queryOptions({
    queryKey: ["people"],
    queryFn: ({ signal }) =>
      get<{ items: PersonName[] }>("/api/v1/people", signal).then(({ items }) =>
        items.filter((each) => each.role !== "manager"),
      ),
    enabled: may,
    staleTime: 300_000,
  });

export type CaseFilter = { status?: string; owner?: string; q?: string };

export const casesQuery = (filter: CaseFilter) =>
  infiniteQueryOptions({
    queryKey: ["cases", filter],
    queryFn: ({ pageParam, signal }) =>
      get<CasePage>(`/api/v1/cases${queryString({ ...filter, cursor: pageParam, limit: 50 })}`, signal),
    initialPageParam: "",
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  });

export const caseQuery = (id: string) =>
  queryOptions({
    queryKey: ["case", id],
    queryFn: ({ signal }) => get<CaseDetail>(`/api/v1/cases/${encodeURIComponent(id)}`, signal),
  });

export type SearchState = { q: string; from?: string; to?: string };

// The first page of a result, with its counts. `lib/results.ts` gets the others where they are looked at.
export const LARGEST_PAGE = 200;

export const searchPage = (search: SearchState, cursor: string, signal?: AbortSignal) =>
  get<SearchPage>(`/api/v1/search${queryString({ ...search, cursor, limit: LARGEST_PAGE })}`, signal);

export const searchQuery = (search: SearchState) =>
  queryOptions({
    queryKey: ["search", search],
    queryFn: ({ signal }) => searchPage(search, "", signal),
    placeholderData: keepPreviousData,
  });

// How many results a search has.
export const countQuery = (q: string) =>
  queryOptions({
    queryKey: ["count", q],
    queryFn: ({ signal }) =>
      get<SearchPage>(`/api/v1/search${queryString({ q, limit: 1 })}`, signal).then((answer) => answer.total),
    enabled: q !== "",
  });

export const savedQuery = queryOptions({
  queryKey: ["searches"],
  queryFn: ({ signal }) => get<{ items: SavedSearch[] }>("/api/v1/searches", signal).then((answer) => answer.items),
  refetchInterval: 60_000,
});

export const coverageQuery = (store: string, from: string, to: string) =>
  queryOptions({
    queryKey: ["coverage", store, from, to],
    queryFn: ({ signal }) => get<Coverage>(`/api/v1/coverage${queryString({ store, from, to })}`, signal),
    enabled: store !== "",
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });

// What was rung and what fired in a span of a store: all of it, up to some hundreds, else how many there were when.
const MOST_HITS = 600;
export type Events = { alerts: Hit[]; receipts: Hit[]; buckets: Bucket[]; total: number };

export const eventsQuery = (store: string, registers: string[], from: string, to: string) =>
  queryOptions({
    queryKey: ["events", store, registers, from, to],
    queryFn: async ({ signal }): Promise<Events> => {
      const of = registers.length ? ` register:${registers.join(",")}` : "";
      const page = (q: string, cursor: string) =>
        get<SearchPage>(`/api/v1/search${queryString({ q, from, to, cursor, limit: 200 })}`, signal);
      const all = async (q: string) => {
        const first = await page(q, "");
        const hits = [...first.items];
        for (let next = first.next_cursor; next && first.total <= MOST_HITS; ) {
          const more = await page(q, next);
          hits.push(...more.items);
          next = more.next_cursor;
        }
        return { first, hits };
      };
      const [rung, fired] = await Promise.all([all(`store:${store}${of}`), all(`store:${store}${of} has:alert`)]);
      return {
        alerts: fired.hits.filter((each) => each.kind === "alert"),
        receipts: rung.first.total <= MOST_HITS ? rung.hits.filter((each) => each.kind === "receipt") : [],
        buckets: rung.first.total <= MOST_HITS ? [] : rung.first.histogram,
        total: rung.first.total,
      };
    },
    staleTime: 15_000,
    enabled: store !== "",
  });

export const reportMailsQuery = (store: string, day: string) =>
  queryOptions({
    queryKey: ["report", "mails", store, day],
    queryFn: ({ signal }) =>
      get<{ items: ReportMail[] }>(`/api/v1/reports/mails${queryString({ store, day })}`, signal),
    enabled: store !== "",
  });

export const reportQuery = (store: string, day: string) =>
  queryOptions({
    queryKey: ["report", store, day],
    queryFn: ({ signal }) => get<Report>(`/api/v1/reports${queryString({ store, day })}`, signal),
    enabled: store !== "" && day !== "",
  });

// Answers null where the server is no demo.
export const demoQuery = queryOptions({
  queryKey: ["demo"],
  queryFn: async ({ signal }): Promise<Demo | null> => {
    try {
      return await get<Demo>("/api/v1/demo", signal);
    } catch (error) {
      if (error instanceof Problem && error.status >= 400 && error.status < 500) return null;
      throw error;
    }
  },
  retry: false,
});
