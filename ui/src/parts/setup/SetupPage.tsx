// What the pages for administrators share: their tabs, their head, their filters.
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import "../../style/setup.css";
import { useStores } from "../session";
import { useTask } from "./useTask";

const TABS = [
  ["/setup/cameras", "Cameras"],
  ["/setup/stores", "Stores"],
  ["/setup/registers", "Registers"],
  ["/setup/operators", "Operators"],
  ["/setup/rules", "Rules"],
  ["/rules/backtest", "Back-test"],
  ["/setup/users", "Users"],
  ["/setup/tokens", "Tokens"],
  ["/feeds", "Feeds"],
] as const;

type Props = { title: string; about?: ReactNode; actions?: ReactNode; children: ReactNode };

export function SetupPage({ title, about, actions, children }: Props) {
  const tabs = useRef<HTMLElement>(null);
  useEffect(() => {
    document.title = `${title} · Set up · Tillsight`;
    // On a phone the tabs scroll sideways; the one that is open is seen.
    const tab = tabs.current?.querySelector<HTMLElement>("[aria-current]");
    if (tab && tabs.current) tabs.current.scrollLeft = tab.offsetLeft - 40;
  }, [title]);
  return (
    <div className="setup">
      <nav ref={tabs} aria-label="Set up" className="tabs setup-tabs">
        {TABS.map(([to, name]) => (
          <Link key={to} to={to} activeProps={{ "aria-current": "page" }} activeOptions={{ includeSearch: false }}>
            {name}
          </Link>
        ))}
      </nav>
      <header className="bar-of-page">
        <h1>{title}</h1>
        {actions && <div className="filters actions">{actions}</div>}
      </header>
      {about && <p className="quiet about">{about}</p>}
      {children}
    </div>
  );
}

// One store, or all of them, kept in the address. `one`: the page is about one store always.
export function StoreFilter({ one }: { one?: string }) {
  const { stores } = useStores();
  const { search, set } = useTask();
  if (stores.length < 2) return null;
  return (
    <label className="choice">
      <span className="hidden">Store</span>
      <select value={one ?? search.store ?? ""} onChange={(event) => set({ store: event.target.value || undefined })}>
        {one === undefined && <option value="">All stores</option>}
        {stores.map((each) => (
          <option key={each.id} value={each.id}>
            {each.name}
          </option>
        ))}
      </select>
    </label>
  );
}

export function TextFilter({ label }: { label: string }) {
  const { search, set } = useTask();
  return (
    <label className="choice">
      <span className="hidden">{label}</span>
      <input
        type="search"
        placeholder={label}
        value={search.q ?? ""}
        onChange={(event) => set({ q: event.target.value || undefined })}
      />
    </label>
  );
}

// Whether the text of the filter is somewhere in these.
export function fits(q: string | undefined, ...parts: (string | null | undefined)[]): boolean {
  const wanted = (q ?? "").trim().toLowerCase();
  return wanted === "" || parts.some((each) => each?.toLowerCase().includes(wanted));
}

// The zone for times that belong to no store: the one of all stores where they share it, else UTC.
export function useHomeZone(store?: string): string {
  const { stores, zone } = useStores();
  if (store) return zone(store);
  const zones = new Set(stores.map((each) => each.tz));
  const [only] = zones;
  return zones.size === 1 && only ? only : "UTC";
}
