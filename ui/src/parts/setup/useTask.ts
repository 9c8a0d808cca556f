// What somebody is doing on a page of the set-up, kept in its address: the open dialog, what it is about, the filters.
import { useNavigate, useSearch } from "@tanstack/react-router";

export type SetupSearch = {
  store?: string;
  integrator?: string;
  q?: string;
  // The open dialog.
  do?: string;
  id?: string;
  of?: string;
};

export function setupSearch(search: Record<string, unknown>): SetupSearch {
  const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
  return {
    store: text(search.store),
    integrator: text(search.integrator),
    q: text(search.q),
    do: text(search.do),
    id: text(search.id),
    of: text(search.of),
  };
}

export function useTask() {
  const search = useSearch({ strict: false }) as SetupSearch;
  const navigate = useNavigate();
  const go = (next: SetupSearch, replace: boolean) =>
    void navigate({ to: ".", search: next as never, replace, resetScroll: false });
  const { store, integrator, q } = search;
  return {
    search,
    set: (next: SetupSearch) => go({ ...search, ...next }, true),
    open: (what: string, id?: string, of?: string) => go({ store, integrator, q, do: what, id, of }, false),
    close: () => go({ store, integrator, q }, false),
  };
}
