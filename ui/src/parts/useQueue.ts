// The queue of one filter: the server's pages, and what has happened since.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useReducer, useRef } from "react";
import { listen } from "../api/live";
import { alertsQuery, type QueueFilter } from "../api/queries";
import type { AlertSummary } from "../api/types";
import { arrive, EMPTY, load, type Queue, release } from "../lib/live";

type Action =
  | { do: "load"; pages: AlertSummary[]; filter: QueueFilter; held: boolean; key: string }
  | { do: "arrive"; alert: AlertSummary; filter: QueueFilter; held: boolean }
  | { do: "release" };

function reduce(state: Queue & { key: string }, action: Action): Queue & { key: string } {
  switch (action.do) {
    case "load": {
      const before = state.key === action.key ? state : EMPTY;
      return { ...load(before, action.pages, action.filter, action.held), key: action.key };
    }
    case "arrive":
      return { ...arrive(state, action.alert, action.filter, action.held), key: state.key };
    case "release":
      return { ...release(state), key: state.key };
  }
}

export function useQueue(filter: QueueFilter) {
  const { state: which, store, rule } = filter;
  const key = `${which}/${store ?? ""}/${rule ?? ""}`;
  const stable = useMemo<QueueFilter>(() => ({ state: which, store, rule }), [which, store, rule]);
  const query = useInfiniteQuery({ ...alertsQuery(stable), refetchOnMount: "always" });
  const [queue, dispatch] = useReducer(reduce, { ...EMPTY, key });
  const held = useRef(false);

  useEffect(() => {
    if (!query.data) return;
    const pages = query.data.pages.flatMap((page) => page.items);
    dispatch({ do: "load", pages, filter: stable, held: held.current, key });
  }, [query.data, stable, key]);
  useEffect(() => listen((alert) => dispatch({ do: "arrive", alert, filter: stable, held: held.current })), [stable]);

  const hold = useCallback((on: boolean) => {
    if (held.current === on) return;
    held.current = on;
    if (!on) dispatch({ do: "release" });
  }, []);
  const letIn = useCallback(() => dispatch({ do: "release" }), []);
  return { queue: queue.key === key ? queue : { ...EMPTY, key }, query, hold, letIn };
}
