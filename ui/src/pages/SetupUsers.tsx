// Users: who signs in, what they may, and their passwords.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { addUser, changed, changeUser, type SetUser, setPassword, setUsersQuery, type UserDraft } from "../api/setup";
import type { Role } from "../api/types";
import { hasFaults, isLastAdmin, ROLES, userFaults } from "../lib/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useMe, useStores } from "../parts/session";
import { Dialog } from "../parts/setup/Dialog";
import { Refused, TextField } from "../parts/setup/Field";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { type Column, Rows } from "../parts/setup/Rows";
import { Secret } from "../parts/setup/Secret";
import { fits, SetupPage, TextFilter, useHomeZone } from "../parts/setup/SetupPage";
import { StorePicker } from "../parts/setup/StorePicker";
import { useTask } from "../parts/setup/useTask";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function SetupUsers() {
  const query = useQuery(setUsersQuery);
  const me = useMe();
  const { search, open, close } = useTask();
  const { store: storeOf } = useStores();
  const home = useHomeZone();
  const all = query.data ?? [];
  const shown = all.filter((each) => fits(search.q, each.name, each.email, ROLES[each.role].name));
  const columns: Column<SetUser>[] = [
    {
      name: "User",
      cell: (each) => (
        <>
          {each.name} {each.name === me.name && <small>you</small>}
          {each.email && <small className="below">{each.email}</small>}
        </>
      ),
    },
    { name: "Role", cell: (each) => <span title={ROLES[each.role].may}>{ROLES[each.role].name}</span> },
    {
      name: "Stores",
      cell: (each) =>
        each.stores.length === 0 ? (
          each.role === "manager" ? (
            <span className="warn">none: cannot sign in</span>
          ) : (
            "all"
          )
        ) : (
          <span title={each.stores.map((id) => storeOf(id)?.name ?? id).join(", ")}>
            {each.stores
              .slice(0, 3)
              .map((id) => storeOf(id)?.name ?? id)
              .join(", ")}
            {each.stores.length > 3 && ` and ${each.stores.length - 3} more`}
          </span>
        ),
    },
    {
      name: "State",
      cell: (each) => <Chip tone={each.disabled ? "bad" : "good"}>{each.disabled ? "Locked out" : "May sign in"}</Chip>,
    },
    {
      name: "Last seen",
      cell: (each) => (
        <>
          {each.last_seen_at ? (
            <StoreTime at={each.last_seen_at} zone={home} form="brief" />
          ) : (
            <span className="quiet">never</span>
          )}
          {each.sessions > 0 && (
            <small className="below">
              {each.sessions} {each.sessions === 1 ? "session" : "sessions"} open
            </small>
          )}
        </>
      ),
    },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <div className="acts">
          {(
            [
              ["edit", "Edit"],
              ["password", "Password"],
              ["history", "History"],
            ] as const
          ).map(([what, name]) => (
            <button
              key={what}
              type="button"
              className="button small"
              aria-label={`${name}: ${each.name}`}
              onClick={() => open(what, each.name)}
            >
              {name}
            </button>
          ))}
        </div>
      ),
    },
  ];
  const chosen = all.find((each) => each.name === search.id);
  return (
    <SetupPage
      title="Users"
      actions={
        <>
          {all.length > 8 && <TextFilter label="Find a user" />}
          <button type="button" className="button primary" onClick={() => open("add")}>
            Add user
          </button>
        </>
      }
    >
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={4} height={48} label="Loading users" />
      ) : shown.length === 0 ? (
        <Empty title="No user fits" />
      ) : (
        <Rows caption="Users" columns={columns} rows={shown} id={(each) => each.name} dim={(each) => each.disabled} />
      )}
      {search.do === "add" && <UserSheet user={null} known={all} close={close} next={(name) => open("made", name)} />}
      {search.do === "edit" && chosen && <UserSheet key={chosen.name} user={chosen} known={all} close={close} />}
      {search.do === "password" && chosen && <PasswordSheet name={chosen.name} close={close} />}
      {search.do === "made" && chosen && <PasswordSheet name={chosen.name} fresh close={close} />}
      {search.do === "history" && search.id && <HistorySheet what="user" id={search.id} close={close} />}
    </SetupPage>
  );
}

type SheetProps = { user: SetUser | null; known: SetUser[]; close: () => void; next?: (name: string) => void };

function UserSheet({ user, known, close, next }: SheetProps) {
  const { stores } = useStores();
  const me = useMe();
  const [first] = useState<UserDraft>(() => ({
    name: user?.name ?? "",
    role: user?.role ?? "analyst",
    stores: user?.stores ?? [],
    email: user?.email ?? null,
    operator_id: user?.operator_id ?? null,
    disabled: user?.disabled ?? false,
  }));
  const [form, setForm] = useState(first);
  const [tried, setTried] = useState(false);
  const set = (change: Partial<UserDraft>) => setForm((old) => ({ ...old, ...change }));
  // Null is all of them, which the server is told by naming none.
  const [some, setSome] = useState<string[] | null>(first.stores.length || me.stores.length ? first.stores : null);
  const faults = userFaults(form, some, known, user === null);
  const shown = tried ? faults : {};
  const last = user !== null && isLastAdmin(user, known);
  const save = useMutation({
    mutationFn: () => (user ? changeUser(form) : addUser(form)),
    onSuccess: async () => {
      await changed();
      if (next) next(form.name);
      else close();
    },
  });
  return (
    <Dialog
      title={user ? `User ${user.name}` : "Add a user"}
      close={close}
      dirty={JSON.stringify(form) !== JSON.stringify(first)}
      submit={{
        name: user ? "Save" : "Add, and make a password",
        busy: save.isPending,
        act: () => {
          setTried(true);
          if (!hasFaults(faults)) save.mutate();
        },
      }}
    >
      <div className="fields two-wide">
        <TextField
          label="Name"
          value={form.name}
          disabled={user !== null}
          change={(name) => set({ name })}
          hint={user ? "A name cannot be changed." : "To sign in with."}
          fault={shown.name}
          focus={user === null}
        />
        <TextField
          label="E-mail"
          type="email"
          value={form.email ?? ""}
          change={(email) => set({ email: email.trim() || null })}
          hint="Where reports go."
          fault={shown.email}
        />
      </div>
      <fieldset className="roles">
        <legend>Role</legend>
        {(Object.keys(ROLES) as Role[]).map((role) => (
          <label key={role} className={`card${form.role === role ? " chosen" : ""}`}>
            <input
              type="radio"
              name="role"
              checked={form.role === role}
              disabled={last && role !== "admin"}
              onChange={() => set({ role })}
            />
            <span>
              <b>{ROLES[role].name}</b>
              <small className="quiet">{ROLES[role].may}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {last && <p className="warn">This is the last administrator: the role stays, and the log-in stays open.</p>}
      <StorePicker
        stores={stores}
        chosen={some}
        change={(chosen) => {
          setSome(chosen);
          set({ stores: chosen ?? [] });
        }}
        all={form.role === "manager" || me.stores.length > 0 ? null : "All stores, also those that come later"}
        fault={shown.stores}
      />
      <TextField
        label="Rings as operator"
        value={form.operator_id ?? ""}
        change={(id) => set({ operator_id: id.trim() || null })}
        hint="Their number at the till, if they ring or approve: what is about themselves they do not see, and SQL is not for them."
      />
      {user && (
        <label className="check">
          <input
            type="checkbox"
            checked={form.disabled}
            disabled={last || user.name === me.name}
            onChange={(event) => set({ disabled: event.target.checked })}
          />{" "}
          Locked out: open sessions end, and signing in is refused
        </label>
      )}
      <Refused error={save.error} />
    </Dialog>
  );
}

function PasswordSheet({ name, fresh = false, close }: { name: string; fresh?: boolean; close: () => void }) {
  const [own, setOwn] = useState("");
  const [chosen, setChosen] = useState(false);
  const [tried, setTried] = useState(false);
  const save = useMutation({ mutationFn: () => setPassword(name, chosen ? own : null) });
  const short = chosen && own.length < 12 ? "At least 12 characters: three or four words are easy to remember." : null;
  if (save.data) {
    return (
      <Dialog title={`Password of ${name}`} close={close}>
        {save.data.password === null || chosen ? (
          <p role="status">The password is set. Sessions with the old one have ended.</p>
        ) : (
          <Secret name={`New password of ${name}`} value={save.data.password} />
        )}
      </Dialog>
    );
  }
  return (
    <Dialog
      title={fresh ? `${name} is added; now the password` : `New password for ${name}`}
      close={close}
      dirty={own !== ""}
      submit={{
        name: chosen ? "Set it" : "Make a password",
        busy: save.isPending,
        act: () => {
          setTried(true);
          if (!short) save.mutate();
        },
      }}
    >
      <fieldset className="roles">
        <legend className="hidden">Who chooses it</legend>
        <label className={`card${chosen ? "" : " chosen"}`}>
          <input type="radio" name="who" checked={!chosen} onChange={() => setChosen(false)} />
          <span>
            <b>Tillsight makes one</b>
            <small className="quiet">It is shown once, for you to hand on.</small>
          </span>
        </label>
        <label className={`card${chosen ? " chosen" : ""}`}>
          <input type="radio" name="who" checked={chosen} onChange={() => setChosen(true)} />
          <span>
            <b>I write one</b>
            <small className="quiet">Best typed by the person who will use it.</small>
          </span>
        </label>
      </fieldset>
      {chosen && (
        <TextField label="Password" type="password" value={own} change={setOwn} fault={tried ? short : null} focus />
      )}
      {!fresh && <p className="quiet">The old password stops working at once.</p>}
      <Refused error={save.error} />
    </Dialog>
  );
}
