// What is to be looked at: alerts, and what the rules could not see.
import { Link } from "@tanstack/react-router";

export function QueueTabs({ here }: { here: "alerts" | "blind" }) {
  return (
    <nav className="tabs" aria-label="What to look at">
      <Link to="/alerts" search={{}} aria-current={here === "alerts" ? "page" : undefined}>
        Alerts
      </Link>
      <Link to="/blind" search={{}} aria-current={here === "blind" ? "page" : undefined}>
        Could not see
      </Link>
    </nav>
  );
}
