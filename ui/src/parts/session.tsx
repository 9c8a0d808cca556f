// Who is signed in, and the stores that this person sees.
import { useQuery } from "@tanstack/react-query";
import { createContext, useContext, useMemo } from "react";
import { storesQuery } from "../api/queries";
import type { Me, Store } from "../api/types";

export const MeContext = createContext<Me | null>(null);

export function useMe(): Me {
  const me = useContext(MeContext);
  if (!me) throw new Error("used outside of the signed-in part");
  return me;
}

// Managers and head office read; decisions about people are made by loss prevention.
export function reviews({ role }: Me): boolean {
  return role === "analyst" || role === "admin";
}

// Who runs a store says what is known of an alert there; head office only reads.
export function speaks({ role }: Me): boolean {
  return role === "manager";
}

export function useMayReview(): boolean {
  return reviews(useMe());
}

export function useStores(): {
  stores: Store[];
  // Whether the list has come; until then there are none.
  known: boolean;
  store: (id: string) => Store | undefined;
  zone: (id: string) => string;
} {
  const { data } = useQuery(storesQuery);
  return useMemo(() => {
    const stores = data ?? [];
    const store = (id: string) => stores.find((each) => each.id === id);
    return { stores, known: data !== undefined, store, zone: (id: string) => store(id)?.tz ?? "UTC" };
  }, [data]);
}
