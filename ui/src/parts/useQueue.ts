// The queue of one filter: the server's pages, and what has happened since.
import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useEffect, useMemo, useReducer, useRef } from "react";
import { listen } from "../api/live";
import { type QueueFilter, queueQuery } from "../api/queries";
import type { AlertSummary, QueueItem } from "../api/types";
import { arrive, EMPTY, hasLeft, load, type Queue, release, type Wanted } from "../lib/live";
import { useMe } from "./session";

type Action =
  | { do: "load"; pages: QueueItem[]; wanted: Wanted; held: boolean; key: string }
  | { do: "arrive"; alert: AlertSummary; wanted: Wanted; held: boolean }
  | { do: "release"; wanted: Wanted };

type State = Queue & { key: string };

function reduce(state: State, action: Action): State {
  switch (action.do) {
    case "load": {
      const before = state.key === action.key ? state : EMPTY;
      return { ...load(before, action.pages, action.wanted, action.held), key: action.key };
    }
    case "arrive":
      return { ...arrive(state, action.alert, action.wanted, action.held), key: state.key };
    case "release":
      return { ...release(state, action.wanted), key: state.key };
  }
}

export function useQueue(filter: QueueFilter) {
  const me = useMe().name;
  const key = JSON.stringify(filter);
  const stable = useMemo<QueueFilter>(() => JSON.parse(key), [key]);
  const wanted = useMemo<Wanted>(() => ({ ...stable, me }), [stable, me]);
  const query = useInfiniteQuery({ ...queueQuery(stable), refetchOnMount: "always" });
  const [state, dispatch] = useReducer(reduce, { ...EMPTY, key });
  const held = useRef(false);

  useEffect(() => {
    if (!query.data) return;
    const pages = query.data.pages.flatMap((page) => page.items);
    dispatch({ do: "load", pages, wanted, held: held.current, key });
  }, [query.data, wanted, key]);
  useEffect(() => listen((alert) => dispatch({ do: "arrive", alert, wanted, held: held.current })), [wanted]);

  const hold = useCallback(
    (on: boolean) => {
      if (held.current === on) return;
      held.current = on;
      if (!on) dispatch({ do: "release", wanted });
    },
    [wanted],
  );
  const letIn = useCallback(() => dispatch({ do: "release", wanted }), [wanted]);
  const queue = state.key === key ? state : { ...EMPTY, key };
  // The server counts what is on no page yet; what has come and gone since is counted here.
  const standing = queue.items.filter((item) => !hasLeft(queue, item)).length;
  const pages = query.data?.pages ?? [];
  const loaded = pages.reduce((sum, page) => sum + page.items.length, 0);
  const total = Math.max(0, (pages.at(-1)?.total ?? 0) - loaded) * (query.hasNextPage ? 1 : 0) + standing;
  return { queue, query, total, hold, letIn };
}
