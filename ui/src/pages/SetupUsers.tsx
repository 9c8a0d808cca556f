// Users: who signs in, what they may, and their passwords.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { addUser, changeUser, type SetUser, setPassword, setUsersQuery, type UserDraft } from "../api/setup";
import type { Role } from "../api/types";
import { isLastAdmin, ROLES, userFaults } from "../lib/setup";
import { Chip, StoreTime } from "../parts/bits";
import { useMe, useStores } from "../parts/session";
import { Dialog } from "../parts/setup/Dialog";
import { TextField } from "../parts/setup/Field";
import { FormSheet, useForm } from "../parts/setup/FormSheet";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { Acts, Listed } from "../parts/setup/Listed";
import type { Column } from "../parts/setup/Rows";
import { Secret } from "../parts/setup/Secret";
import { fits, SetupPage, TextFilter, useHomeZone } from "../parts/setup/SetupPage";
import { StorePicker } from "../parts/setup/StorePicker";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

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
        <Acts
          of={each.name}
          acts={[
            ["Edit", () => open("edit", each.name)],
            ["Password", () => open("password", each.name)],
            ["History", () => open("history", each.name)],
          ]}
        />
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
      <Listed
        one="user"
        many="Users"
        query={query}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => each.name}
        dim={(each) => each.disabled}
        none={<Empty title="No user yet" />}
      />
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
  const { form, set, dirty } = useForm<UserDraft>(() => ({
    name: user?.name ?? "",
    role: user?.role ?? "analyst",
    stores: user?.stores ?? [],
    email: user?.email ?? null,
    operator_id: user?.operator_id ?? null,
    disabled: user?.disabled ?? false,
  }));
  // Null is all of them, which the server is told by naming none.
  const [some, setSome] = useState<string[] | null>(form.stores.length || me.stores.length ? form.stores : null);
  const last = user !== null && isLastAdmin(user, known);
  return (
    <FormSheet
      title={user ? `User ${user.name}` : "Add a user"}
      verb={user ? "Save" : "Add, and make a password"}
      close={close}
      dirty={dirty}
      faults={userFaults(form, some, known, user === null)}
      save={() => (user ? changeUser(form) : addUser(form))}
      saved={next && (() => next(form.name))}
    >
      {(shown) => (
        <>
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
              hint="How you reach them. Reports go to the recipients in the configuration."
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
        </>
      )}
    </FormSheet>
  );
}

function PasswordSheet({ name, fresh = false, close }: { name: string; fresh?: boolean; close: () => void }) {
  const [own, setOwn] = useState("");
  const [chosen, setChosen] = useState(false);
  const [made, setMade] = useState<{ password: string | null } | null>(null);
  const short = own.length < 12 ? "At least 12 characters: three or four words are easy to remember." : undefined;
  if (made) {
    return (
      <Dialog title={`Password of ${name}`} close={close}>
        {made.password === null || chosen ? (
          <p role="status">The password is set. Sessions with the old one have ended.</p>
        ) : (
          <Secret name={`New password of ${name}`} value={made.password} />
        )}
      </Dialog>
    );
  }
  return (
    <FormSheet
      title={fresh ? `${name} is added; now the password` : `New password for ${name}`}
      verb={chosen ? "Set it" : "Make a password"}
      close={close}
      dirty={own !== ""}
      faults={chosen && short ? { own: short } : {}}
      save={() => setPassword(name, chosen ? own : null)}
      saved={setMade}
    >
      {(shown) => (
        <>
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
          {chosen && <TextField label="Password" type="password" value={own} change={setOwn} fault={shown.own} focus />}
          {!fresh && <p className="quiet">The old password stops working at once.</p>}
        </>
      )}
    </FormSheet>
  );
}
