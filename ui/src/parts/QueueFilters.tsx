// What of the queue is shown, and in which order. It stands in the address.
import { useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { peopleQuery, rulesQuery } from "../api/queries";
import { VIEWS } from "../lib/sending";
import { useMayReview, useMe, useStores } from "./session";
import { PHONE, useMedia } from "./useMedia";

const PAUSE_MS = 600;

type Name = "state" | "store" | "rule" | "operator" | "assignee" | "asked" | "sent" | "sort";

// Where there is little room they are folded, and what is chosen is said in words.
export function QueueFilters({ folded }: { folded: boolean }) {
  const search = useSearch({ from: "/alerts" });
  const navigate = useNavigate();
  const { stores } = useStores();
  const may = useMayReview();
  const me = useMe().name;
  const rules = useQuery(rulesQuery);
  const people = useQuery(peopleQuery(may));
  const set = (name: Name) => (value: string) =>
    void navigate({
      to: ".",
      search: (old: Record<string, unknown>) => ({ ...old, [name]: value || undefined }),
      replace: true,
    });
  const phone = useMedia(PHONE);
  const chosen = [
    search.state === "closed" ? "Decided" : search.state === "all" ? "All" : "Open",
    search.store && (stores.find((each) => each.id === search.store)?.name ?? search.store),
    search.rule && (rules.data?.find((each) => each.id === search.rule)?.name ?? search.rule),
    search.operator && `operator ${search.operator}`,
    search.assignee === "me" ? "mine" : search.assignee === "none" ? "nobody’s" : search.assignee,
    search.asked && "what a store asks to look at",
    search.sent && VIEWS.find(([view]) => view === search.sent)?.[1].toLowerCase(),
    search.sort === "value" && "by expected value",
  ].filter(Boolean);
  const others = (people.data ?? []).filter((each) => each.name !== me);
  const filters = (
    <div className="filters">
      <Choice
        name="Show"
        value={search.state ?? ""}
        set={set("state")}
        options={[
          ["", "Open"],
          ["closed", "Decided"],
          ["all", "All"],
        ]}
      />
      {stores.length > 1 && (
        <Choice
          name="Store"
          value={search.store ?? ""}
          set={set("store")}
          options={[["", "All stores"], ...stores.map((each): [string, string] => [each.id, each.name])]}
        />
      )}
      <Choice
        name="Rule"
        value={search.rule ?? ""}
        set={set("rule")}
        options={[["", "All rules"], ...(rules.data ?? []).map((each): [string, string] => [each.id, each.name])]}
      />
      {may && (
        <Choice
          name="Given to"
          value={search.assignee ?? ""}
          set={set("assignee")}
          options={[
            ["", "Anyone’s"],
            ["me", "Mine"],
            ["none", "Nobody’s"],
            ...others.map((each): [string, string] => [each.name, each.name]),
          ]}
        />
      )}
      <Choice
        name="Asked for"
        value={search.asked ?? ""}
        set={set("asked")}
        options={[
          ["", "Asked for or not"],
          ["true", "A store asks to look"],
        ]}
      />
      <Choice
        name="Told of"
        value={search.sent ?? ""}
        set={set("sent")}
        options={VIEWS.map(([view, name]): [string, string] => [view === "sent" ? "" : view, name])}
      />
      <Choice
        name="Order"
        value={search.sort ?? ""}
        set={set("sort")}
        options={[
          ["", "Newest first"],
          ["value", "Expected value"],
        ]}
      />
      <Operator value={search.operator ?? ""} set={set("operator")} />
    </div>
  );
  if (!folded && !phone) return filters;
  return (
    <details className="folded">
      <summary>Filter: {chosen.join(", ")}</summary>
      {filters}
    </details>
  );
}

function Operator({ value, set }: { value: string; set: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  const done = () => typed.trim() !== value && set(typed.trim());
  const act = useRef(done);
  act.current = done;
  // Also after a pause in typing; each key starts the wait anew.
  useEffect(() => {
    if (typed.trim() === "") return;
    const timer = setTimeout(() => act.current(), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label className="choice">
      <span className="hidden">Operator</span>
      <input
        type="search"
        className="operator"
        value={typed}
        placeholder="Operator"
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => {
          setTyped(event.target.value);
          if (event.target.value === "") set("");
        }}
        onBlur={done}
        onKeyDown={(event) => {
          if (event.key === "Enter") done();
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </label>
  );
}

export function Choice(props: {
  name: string;
  value: string;
  set: (value: string) => void;
  options: [string, string][];
}) {
  return (
    <label className="choice">
      <span className="hidden">{props.name}</span>
      <select value={props.value} title={props.name} onChange={(event) => props.set(event.target.value)}>
        {props.options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

export function AboutValue() {
  return (
    <details className="about">
      <summary>What the expected value is</summary>
      <p>
        The amount, times how often alerts of the same rule were confirmed as a loss in your last decisions. A rule with
        few decisions yet counts by its severity. An item of several alerts counts by the one of the highest expected
        value. It orders the work; it accuses nobody.
      </p>
    </details>
  );
}
