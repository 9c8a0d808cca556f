// Said in the place of a day that has not begun in its store.
import { useNavigate } from "@tanstack/react-router";
import type { Store } from "../api/types";
import { addDays, dayWords } from "../lib/time";
import { Empty } from "./states";

type Props = { to: "/reports" | "/cameras"; store: Store; day: string; today: string };

export function NotBegun({ to, store, day, today }: Props) {
  const navigate = useNavigate();
  const yesterday = addDays(today, -1);
  return (
    <Empty title={`${dayWords(`${day}T12:00:00Z`, "UTC")} has not begun at ${store.name}`}>
      <button
        type="button"
        className="button"
        onClick={() => void navigate({ to, search: { store: store.id, day: yesterday } })}
      >
        Go to yesterday
      </button>
    </Empty>
  );
}
