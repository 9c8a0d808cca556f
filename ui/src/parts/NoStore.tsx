// Said in the place of a page about a store: there is none for this person, or not the one that the address names.
import { Link } from "@tanstack/react-router";
import { useMe, useStores } from "./session";
import { Empty } from "./states";

export function NoStore({ asked, to }: { asked?: string; to: "/reports" | "/cameras" | "/alerts" | "/risk" }) {
  const { stores } = useStores();
  const admin = useMe().role === "admin";
  const [own] = stores;
  if (own && asked) {
    return (
      <Empty title={`You do not see store ${asked}`}>
        <p>
          <Link to={to} search={{ store: own.id }}>
            Go to {own.name}
          </Link>
        </p>
      </Empty>
    );
  }
  return (
    <Empty title={admin ? "There is no store yet" : "You have no store yet"}>
      <p>
        {admin ? (
          <Link to="/setup/stores">Add one under Set up, Stores</Link>
        ) : (
          "An administrator can name it under Set up, Users."
        )}
      </p>
    </Empty>
  );
}
