// Saved searches: one's own and shared ones, how many hits each has, and how many are new since one looked.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useEffect, useState } from "react";
import { send } from "../api/http";
import { savedQuery } from "../api/queries";
import type { SavedSearch } from "../api/types";
import { useMe } from "./session";
import { Failed } from "./states";

const path = (id: string) => `/api/v1/searches/${encodeURIComponent(id)}`;

export function Saved({ q }: { q: string }) {
  const client = useQueryClient();
  const query = useQuery(savedQuery);
  const [editing, setEditing] = useState<string | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const all = query.data ?? [];

  // To see the hits is to have looked.
  const unseen = all.find((each) => each.q === q && each.new_count > 0)?.search_id;
  useEffect(() => {
    if (!unseen) return;
    send("POST", `${path(unseen)}/seen`)
      .then(() => client.invalidateQueries({ queryKey: savedQuery.queryKey }))
      .catch(() => undefined);
  }, [unseen, client]);

  const change = async (method: "PUT" | "DELETE", id: string, body?: SearchBody) => {
    setFailed(null);
    try {
      await send(method, path(id), body);
      setEditing(null);
    } catch (error) {
      setFailed(error);
    }
    await client.invalidateQueries({ queryKey: savedQuery.queryKey });
  };
  const groups: [string, SavedSearch[]][] = [
    ["Saved by you", all.filter((each) => each.mine)],
    ["Shared with you", all.filter((each) => !each.mine)],
  ];
  const wide = window.matchMedia("(min-width: 800px)").matches;
  return (
    <details open={wide} className="saved">
      <summary>Saved searches</summary>
      {query.isError && <Failed error={query.error} retry={() => query.refetch()} />}
      {query.data?.length === 0 && (
        <section>
          <h2>Saved searches</h2>
          <p className="quiet">None yet. “Save this search” keeps one here and counts what is new.</p>
        </section>
      )}
      {groups.map(([title, some]) =>
        some.length === 0 ? null : (
          <section key={title}>
            <h2>{title}</h2>
            <ul>
              {some.map((each) =>
                editing === each.search_id ? (
                  <li key={each.search_id}>
                    <EditSearch
                      of={each}
                      save={(body) => change("PUT", each.search_id, body)}
                      remove={() => change("DELETE", each.search_id)}
                      close={() => setEditing(null)}
                    />
                  </li>
                ) : (
                  <li key={each.search_id} className="one">
                    <One of={each} here={each.q === q} edit={() => setEditing(each.search_id)} />
                  </li>
                ),
              )}
            </ul>
          </section>
        ),
      )}
      {failed !== null && <Failed error={failed} />}
    </details>
  );
}

function One({ of, here, edit }: { of: SavedSearch; here: boolean; edit: () => void }) {
  const admin = useMe().role === "admin";
  const shared = of.mine ? (of.shared ? ", shared" : "") : `, by ${of.owner}`;
  return (
    <>
      <Link to="/search" search={{ q: of.q }} title={`${of.q}${shared}`} aria-current={here ? "page" : undefined}>
        <span>{of.name}</span>
        {of.new_count > 0 && (
          <b className="badge">
            {of.new_count.toLocaleString("en-US")} <span className="hidden">new</span>
          </b>
        )}
        <small>{of.count.toLocaleString("en-US")}</small>
      </Link>
      {(of.mine || admin) && (
        <button
          type="button"
          className="edit"
          aria-label={`Change ${of.name}`}
          title="Rename, share, delete"
          onClick={edit}
        >
          ⋯
        </button>
      )}
    </>
  );
}

type SearchBody = { name: string; q: string; shared: boolean };
type EditProps = {
  of: SavedSearch;
  save: (body: SearchBody) => Promise<void>;
  remove: () => Promise<void>;
  close: () => void;
};

function EditSearch({ of, save, remove, close }: EditProps) {
  return (
    <NameForm
      name={of.name}
      q={of.q}
      shared={of.shared}
      fixed={!of.mine}
      word="Save"
      save={save}
      close={close}
      more={
        <button type="button" className="button small bad" onClick={() => void remove()}>
          Delete
        </button>
      }
    />
  );
}

type NameProps = Omit<SearchBody, "name"> & {
  name?: string;
  // Somebody else's: it can be deleted, not changed.
  fixed?: boolean;
  word: string;
  save: (body: SearchBody) => Promise<void>;
  close: () => void;
  more?: React.ReactNode;
};

function NameForm({ name = "", q, shared, fixed = false, word, save, close, more }: NameProps) {
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    setBusy(true);
    await save({
      name: String(form.get("name") ?? "").trim(),
      q: String(form.get("q") ?? q),
      shared: form.has("shared"),
    });
    setBusy(false);
  };
  return (
    <form
      className="name-form"
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === "Escape") close();
        // On the check box too, where the page would take it for its own.
        if (event.key !== "Enter" || event.target instanceof HTMLButtonElement) return;
        event.preventDefault();
        if (!busy && !fixed) event.currentTarget.requestSubmit();
      }}
    >
      <label>
        Name
        {/* biome-ignore lint/a11y/noAutofocus: it was asked for just now */}
        <input name="name" defaultValue={name} required maxLength={100} disabled={fixed} autoComplete="off" autoFocus />
      </label>
      {name !== "" && (
        <label>
          Asks for
          <input name="q" defaultValue={q} disabled={fixed} autoComplete="off" spellCheck={false} />
        </label>
      )}
      <label className="check">
        <input name="shared" type="checkbox" defaultChecked={shared} disabled={fixed} /> Shared with everybody
      </label>
      <div className="choices">
        <button type="submit" className="button small primary" disabled={busy || fixed}>
          {word}
        </button>
        {more}
        <button type="button" className="button small" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

// Saves what is asked for now.
export function SaveSearch({ q, spanned, close }: { q: string; spanned: boolean; close: () => void }) {
  const client = useQueryClient();
  const [failed, setFailed] = useState<unknown>(null);
  return (
    <div className="card save-search">
      <NameForm
        q={q}
        shared={false}
        word="Save this search"
        close={close}
        save={async (body) => {
          setFailed(null);
          try {
            await send("POST", "/api/v1/searches", body);
            await client.invalidateQueries({ queryKey: savedQuery.queryKey });
            close();
          } catch (error) {
            setFailed(error);
          }
        }}
      />
      {spanned && (
        <p className="quiet">The chosen stretch of time is not saved. Words like last:7d are, and move along.</p>
      )}
      {failed !== null && <Failed error={failed} />}
    </div>
  );
}
