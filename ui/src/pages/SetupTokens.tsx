// Tokens: what programs sign in with. A secret is shown once; revoking one holds at once.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  addToken,
  type Integrator,
  revokeToken,
  type Token,
  type TokenDraft,
  type TokenKind,
  tokensQuery,
} from "../api/integrator";
import { setUsersQuery } from "../api/setup";
import { loginOf, TOKEN_KINDS, tokenFaults, tokenUse } from "../lib/feeds";
import { ago } from "../lib/time";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Dialog } from "../parts/setup/Dialog";
import { SelectField, TextField } from "../parts/setup/Field";
import { FormSheet, useForm } from "../parts/setup/FormSheet";
import { Acts, Listed } from "../parts/setup/Listed";
import { Remove } from "../parts/setup/Remove";
import type { Column } from "../parts/setup/Rows";
import { Secret } from "../parts/setup/Secret";
import { fits, SetupPage, TextFilter, useHomeZone } from "../parts/setup/SetupPage";
import { StorePicker } from "../parts/setup/StorePicker";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

export default function SetupTokens() {
  const query = useQuery(tokensQuery);
  const { search, open, close } = useTask();
  const { store: storeOf } = useStores();
  const zone = useHomeZone();
  const all = query.data?.items ?? [];
  const shown = all.filter((each) => fits(search.q, each.login, each.owner, TOKEN_KINDS[each.kind].name));
  const columns: Column<Token>[] = [
    { name: "Log-in", cell: (each) => <code>{each.login}</code> },
    { name: "Kind", cell: (each) => <span title={TOKEN_KINDS[each.kind].may}>{TOKEN_KINDS[each.kind].name}</span> },
    { name: "Of", cell: (each) => each.owner },
    {
      name: "Stores",
      cell: (each) =>
        each.stores.length === 0 ? (
          <span className="quiet">{each.kind === "metrics" ? "–" : "all its owner may"}</span>
        ) : (
          <span className="meta">
            {each.stores.map((id) => (
              <Chip key={id}>{storeOf(id)?.name ?? id}</Chip>
            ))}
          </span>
        ),
    },
    {
      name: "Made",
      cell: (each) => (
        <>
          <StoreTime at={each.created_at} zone={zone} form="brief" />
          {each.created_by && <small className="below">by {each.created_by}</small>}
        </>
      ),
    },
    {
      name: "Last used",
      cell: (each) =>
        each.last_used_at ? (
          <>
            {ago(each.last_used_at, new Date())}
            <small className="below">
              <StoreTime at={each.last_used_at} zone={zone} form="brief" />
            </small>
          </>
        ) : (
          <span className="quiet">never</span>
        ),
    },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => <Acts of={each.login} acts={[["Revoke", () => open("revoke", each.login)]]} />,
    },
  ];
  const chosen = all.find((each) => each.login === search.id);
  return (
    <SetupPage
      title="Tokens"
      about="Programs sign in with a token instead of a password. Each program gets one of its own, so that one can be revoked without the others."
      actions={
        <>
          {all.length > 8 && <TextFilter label="Find a token" />}
          <button type="button" className="button primary" onClick={() => open("add")}>
            Make a token
          </button>
        </>
      }
    >
      <Listed
        one="token"
        many="Tokens"
        query={query}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => each.login}
        none={
          <Empty title="No token yet">
            <p>Make one for the till system that sends records, for BI, or for Prometheus.</p>
          </Empty>
        }
      />
      {search.do === "add" && query.data && <TokenSheet integrators={query.data.integrators} close={close} />}
      {search.do === "revoke" && chosen && (
        <Remove
          title={`Revoke ${chosen.login}?`}
          verb="Revoke token"
          act={() => revokeToken(chosen.login)}
          close={close}
        >
          <p>The next request with it is refused. This cannot be undone; a new token has a new secret.</p>
          {chosen.last_used_at && Date.now() - Date.parse(chosen.last_used_at) < 3_600_000 && (
            <p className="warn">
              It was used {ago(chosen.last_used_at, new Date())}: a program works with it just now.
            </p>
          )}
        </Remove>
      )}
    </SetupPage>
  );
}

function TokenSheet({ integrators, close }: { integrators: Integrator[]; close: () => void }) {
  const { stores } = useStores();
  const users = useQuery(setUsersQuery);
  const { form, set } = useForm<TokenDraft>(() => ({
    kind: "integrator",
    owner: integrators[0]?.integrator_id,
    name: "",
  }));
  const [some, setSome] = useState<string[] | null>(null);
  const [made, setMade] = useState<{ token: Token; secret: string } | null>(null);
  const save = () => {
    const draft: TokenDraft = { kind: form.kind, name: form.name };
    if (form.kind !== "metrics") draft.owner = form.owner;
    if (form.kind === "integrator" && some) draft.stores = some;
    return addToken(draft);
  };
  const integrator = integrators.find((each) => each.integrator_id === form.owner);
  const may = integrator?.stores.length ? stores.filter((each) => integrator.stores.includes(each.id)) : stores;
  const people = (users.data ?? []).filter((each) => !each.disabled);
  const owners =
    form.kind === "integrator" ? integrators.map((each) => each.integrator_id) : people.map((each) => each.name);
  if (made) {
    const { token, secret } = made;
    return (
      <Dialog title={`Token ${token.login}`} close={close}>
        <Secret name={`Secret of ${token.login}`} value={secret} />
        <p>A program uses it like this:</p>
        <pre className="code">{tokenUse(token, window.location.hostname)}</pre>
        {token.kind === "integrator" && (
          <p>
            <Link to="/feeds" search={{ do: "try", integrator: token.owner }}>
              Try it with a record
            </Link>
            , after you have copied the secret; nothing is written then.
          </p>
        )}
      </Dialog>
    );
  }
  return (
    <FormSheet
      title="Make a token"
      verb="Make token"
      close={close}
      dirty={form.name !== ""}
      faults={tokenFaults(form, some)}
      save={save}
      saved={setMade}
    >
      {(shown) => (
        <>
          <fieldset className="roles">
            <legend>What for</legend>
            {(Object.keys(TOKEN_KINDS) as TokenKind[]).map((kind) => (
              <label key={kind} className={`card${form.kind === kind ? " chosen" : ""}`}>
                <input
                  type="radio"
                  name="kind"
                  checked={form.kind === kind}
                  onChange={() => {
                    const owner = kind === "integrator" ? integrators[0]?.integrator_id : undefined;
                    set({ kind, owner });
                    setSome(null);
                  }}
                />
                <span>
                  <b>{TOKEN_KINDS[kind].name}</b>
                  <small className="quiet">{TOKEN_KINDS[kind].may}</small>
                </span>
              </label>
            ))}
          </fieldset>
          {form.kind === "integrator" && integrators.length === 0 && (
            <p className="warn">No integrator is set up. The configuration names them, under “integrator”.</p>
          )}
          <div className="fields two-wide">
            {form.kind !== "metrics" && (
              <SelectField
                label={form.kind === "integrator" ? "Integrator" : "Person"}
                value={form.owner ?? ""}
                change={(owner) => {
                  set({ owner });
                  setSome(null);
                }}
                options={[
                  ...(form.owner ? [] : [["", "Choose one"] as const]),
                  ...owners.map((each) => [each, each] as const),
                ]}
                fault={shown.owner}
              />
            )}
            <TextField
              label="Name"
              value={form.name}
              change={(name) => set({ name })}
              placeholder="back-office"
              hint={
                form.name && (form.owner || form.kind === "metrics")
                  ? `Its log-in will be ${loginOf(form)}.`
                  : "What uses it."
              }
              fault={shown.name}
            />
          </div>
          {form.kind === "integrator" && integrator && (
            <StorePicker
              stores={may}
              chosen={some}
              change={setSome}
              all={integrator.stores.length ? "All stores that this integrator may write" : "All stores"}
              fault={shown.stores}
            />
          )}
        </>
      )}
    </FormSheet>
  );
}
