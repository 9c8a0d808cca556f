// Which store, and which of its days.
import { useNavigate } from "@tanstack/react-router";
import { useMemo } from "react";
import type { Store } from "../api/types";
import { addDays, day as dayOf } from "../lib/time";
import { useStores } from "./session";

type Search = { store?: string; day?: string };

// No store with `none` is one that this person does not see, or has not; without it the list has not come yet.
type DayOfStore = { store: Store | undefined; none: boolean; day: string; today: string };

// The store and day of the address, or the first store and `back` days before its today.
export function useDayOfStore(search: Search, back: number): DayOfStore {
  const { stores, known } = useStores();
  return useMemo(() => {
    const store = search.store ? stores.find((each) => each.id === search.store) : stores[0];
    const today = dayOf(new Date(), store?.tz ?? "UTC");
    return { store, none: known && !store, day: store ? (search.day ?? addDays(today, -back)) : "", today };
  }, [stores, known, search.store, search.day, back]);
}

export function DayPicker(props: {
  to: "/reports" | "/cameras";
  store: Store | undefined;
  day: string;
  today: string;
}) {
  const { stores } = useStores();
  const navigate = useNavigate();
  const { to, store, day, today } = props;
  const go = (next: Search) => void navigate({ to, search: { store: store?.id, day: day || undefined, ...next } });
  if (!store) return null;
  return (
    <div className="filters">
      {stores.length > 1 && (
        <label className="choice">
          <span className="hidden">Store</span>
          <select value={store.id} onChange={(event) => go({ store: event.target.value })}>
            {stores.map((each) => (
              <option key={each.id} value={each.id}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
      )}
      <span className="days">
        <button
          type="button"
          className="icon"
          aria-label="Day before"
          title="Day before"
          onClick={() => go({ day: day > today ? today : addDays(day, -1) })}
        >
          ‹
        </button>
        <label className="choice">
          <span className="hidden">Day</span>
          <input
            type="date"
            value={day}
            max={today}
            onChange={({ target: { value } }) => value && go(value > today ? { day: today } : { day: value })}
          />
        </label>
        <button
          type="button"
          className="icon"
          aria-label="Day after"
          title="Day after"
          disabled={day >= today}
          onClick={() => go({ day: addDays(day, 1) })}
        >
          ›
        </button>
      </span>
    </div>
  );
}
