// The cases: what loss prevention works on beyond one alert.
import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type FormEvent, useEffect, useRef, useState } from "react";
import { send } from "../api/http";
import { casesQuery, peopleQuery } from "../api/queries";
import type { CaseDetail, CaseSummary } from "../api/types";
import { useKeys } from "../lib/keys";
import { CASE_STATUS, caseContents, money } from "../lib/words";
import { CaseStatusMark, Key, StoreTime } from "../parts/bits";
import { Choice } from "../parts/QueueFilters";
import { useMayReview, useMe, useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function CasesPage() {
  const may = useMayReview();
  const search = useSearch({ from: "/cases" });
  const navigate = useNavigate();
  const me = useMe().name;
  const query = useInfiniteQuery({ ...casesQuery(search), enabled: may });
  const people = useQuery(peopleQuery(may));
  const [focus, setFocus] = useState(-1);
  const [title, setTitle] = useState<string | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const items = query.data?.pages.flatMap((page) => page.items) ?? [];
  const move = (to: number) => {
    const at = Math.min(items.length - 1, Math.max(0, to));
    setFocus(at);
    list.current?.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const go = (id: string) => void navigate({ to: "/cases/$caseId", params: { caseId: id } });
  useKeys({
    j: () => move(focus + 1),
    k: () => move(focus - 1),
    ArrowDown: () => move(focus + 1),
    ArrowUp: () => move(focus - 1),
    Enter: () => items[focus] && go(items[focus].case_id),
    n: () => setTitle(""),
  });
  const set = (name: "status" | "owner" | "q") => (value: string) =>
    void navigate({ to: "/cases", search: (old) => ({ ...old, [name]: value || undefined }), replace: true });
  if (!may) {
    return (
      <Empty title="Cases are for loss prevention">
        <p>Your role reads alerts and reports. Whoever reviews alerts works on cases.</p>
      </Empty>
    );
  }
  const filtered = Boolean(search.status || search.owner || search.q);
  return (
    <div className="cases-page">
      <header className="bar-of-page">
        <h1>
          Cases <small>{query.data ? query.data.pages[0]?.total.toLocaleString("en-US") : ""}</small>
        </h1>
        <div className="filters">
          <Choice
            name="Status"
            value={search.status ?? ""}
            set={set("status")}
            options={[["", "Any status"], ...CASE_STATUS.map((each): [string, string] => [each.code, each.name])]}
          />
          <Choice
            name="Owner"
            value={search.owner ?? ""}
            set={set("owner")}
            options={[
              ["", "Anyone’s"],
              ["me", "Mine"],
              ...(people.data ?? [])
                .filter((each) => each.name !== me)
                .map((each): [string, string] => [each.name, each.name]),
            ]}
          />
          <Words value={search.q ?? ""} set={set("q")} />
        </div>
        <span className="fill" />
        <button type="button" className="button small" onClick={() => setTitle("")} title="Open a case (n)">
          New case <Key>n</Key>
        </button>
      </header>
      {title !== null && <NewCase close={() => setTitle(null)} done={go} />}
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={6} height={64} label="Loading cases" />
      ) : items.length === 0 ? (
        filtered ? (
          <Empty title="No case fits this filter">
            <p>
              <Link to="/cases" search={{}}>
                Show all cases
              </Link>
            </p>
          </Empty>
        ) : (
          <Empty title="No case yet">
            <p>
              A case gathers alerts, receipts, video and notes about one matter. Press <kbd>e</kbd> on an alert in the{" "}
              <Link to="/alerts">queue</Link>, or on a receipt found by <Link to="/search">search</Link>, to begin one.
            </p>
            <p className="quiet">Video of what is in a case is kept until the case lets it go.</p>
          </Empty>
        )
      ) : (
        <>
          <ul className="plain case-list" ref={list}>
            {items.map((each, at) => (
              <li key={each.case_id}>
                <Row of={each} selected={at === focus} />
              </li>
            ))}
          </ul>
          {query.hasNextPage && (
            <button
              type="button"
              className="button"
              disabled={query.isFetchingNextPage}
              onClick={() => void query.fetchNextPage()}
            >
              {query.isFetchingNextPage ? "Loading" : "Show more"}
            </button>
          )}
        </>
      )}
    </div>
  );
}

function Row({ of, selected }: { of: CaseSummary; selected: boolean }) {
  const { store, zone } = useStores();
  return (
    <Link
      to="/cases/$caseId"
      params={{ caseId: of.case_id }}
      className={`case-row${selected ? " selected" : ""}`}
      aria-current={selected ? "true" : undefined}
    >
      <span className="number">#{of.number}</span>
      <span className="title">{of.title}</span>
      <span className="amount">
        {of.loss_minor !== null ? (
          <>
            {money(of.loss_minor, of.currency)} <small>lost</small>
          </>
        ) : (
          <small className="quiet">loss not known yet</small>
        )}
      </span>
      <span className="meta">
        <CaseStatusMark status={of.status} />
        <span>{of.owner ? `For ${of.owner}` : "Nobody’s"}</span>
        <span>{of.stores.map((each) => store(each)?.name ?? `Store ${each}`).join(", ")}</span>
        <span>{caseContents(of)}</span>
      </span>
      <span className="updated">
        changed <StoreTime at={of.updated_at} zone={zone(of.stores[0] ?? "")} form="brief" />
      </span>
    </Link>
  );
}

function Words({ value, set }: { value: string; set: (value: string) => void }) {
  const [typed, setTyped] = useState(value);
  useEffect(() => setTyped(value), [value]);
  // What is typed is asked for once the hand rests.
  useEffect(() => {
    if (typed.trim() === value) return;
    const timer = setTimeout(() => set(typed.trim()), 300);
    return () => clearTimeout(timer);
  });
  return (
    <label className="choice">
      <span className="hidden">Words in a case</span>
      <input
        id="query"
        type="search"
        value={typed}
        placeholder="Words in a case (/)"
        autoComplete="off"
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </label>
  );
}

function NewCase({ close, done }: { close: () => void; done: (id: string) => void }) {
  const client = useQueryClient();
  const [title, setTitle] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setFailed(null);
    try {
      const made = await send<CaseDetail>("POST", "/api/v1/cases", { title: title.trim() });
      void client.invalidateQueries({ queryKey: ["cases"] });
      done(made.case_id);
    } catch (error) {
      setFailed(error);
      setBusy(false);
    }
  };
  return (
    <form className="card new-case" onSubmit={submit}>
      <label>
        Title of the new case{" "}
        <input
          // biome-ignore lint/a11y/noAutofocus: it was asked for just now
          autoFocus
          required
          maxLength={200}
          value={title}
          onChange={(event) => setTitle(event.target.value)}
          onKeyDown={(event) => event.key === "Escape" && close()}
        />
      </label>
      <button type="submit" className="button primary" disabled={busy || title.trim() === ""}>
        Open case
      </button>
      <button type="button" className="button" onClick={close}>
        Cancel
      </button>
      {failed !== null && <Failed error={failed} />}
    </form>
  );
}
