// What is known of a case: title, status, owner, amounts, summary. Saved together; a conflict keeps what was typed.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useBlocker } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { Problem, send } from "../api/http";
import { caseQuery, peopleQuery } from "../api/queries";
import type { CaseDetail, CaseStatus } from "../api/types";
import { amountText } from "../lib/amount";
import { type CaseFields, changedFields, type Draft, type Field, patchOf } from "../lib/casedraft";
import { CASE_STATUS, caseStatus, money } from "../lib/words";
import { useStores } from "./session";
import { Failed } from "./states";

const NAME: Record<Field, string> = {
  title: "Title",
  status: "Status",
  owner: "Owner",
  summary_text: "Summary",
  loss: "Lost",
  recovered: "Recovered",
};

type Props = { detail: CaseDetail; show: (detail: CaseDetail) => void };

export function CaseForm({ detail, show }: Props) {
  const client = useQueryClient();
  const { store } = useStores();
  const people = useQuery(peopleQuery(true));
  const [draft, setDraft] = useState<Draft>({});
  // What the boxes showed when the typing began; what others change since is told.
  const [base, setBase] = useState<CaseFields>(detail);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const currency = detail.currency ?? store(detail.stores[0] ?? "")?.currency ?? "USD";
  const { patch, wrong } = patchOf(draft, detail, currency);
  const typing = Object.keys(draft).length > 0;
  const conflict = typing ? changedFields(base, detail) : [];
  useBlocker({
    shouldBlockFn: () => !window.confirm("Leave without saving what you typed into this case?"),
    enableBeforeUnload: typing,
    disabled: !typing,
  });
  const type = <F extends Field>(field: F, value: Draft[F]) => {
    if (!typing) setBase(detail);
    setDraft({ ...draft, [field]: value });
  };
  const forget = (field: Field) => {
    const { [field]: _, ...rest } = draft;
    setDraft(rest);
  };

  const save = async (event: FormEvent) => {
    event.preventDefault();
    if (!patch || busy) return;
    setBusy(true);
    setFailed(null);
    try {
      const saved = await send<CaseDetail>("PATCH", `/api/v1/cases/${encodeURIComponent(detail.case_id)}`, patch);
      setDraft({});
      show(saved);
    } catch (error) {
      if (error instanceof Problem && error.status === 409) {
        // The newest state beside what was typed; the next save is put over it.
        await client.fetchQuery({ ...caseQuery(detail.case_id), staleTime: 0 }).catch(setFailed);
      } else setFailed(error);
    }
    setBusy(false);
  };

  const shown = (field: Field, from: CaseFields): string => {
    if (field === "loss") return money(from.loss_minor, currency) || "not known";
    if (field === "recovered") return money(from.recovered_minor, currency) || "not known";
    if (field === "status") return caseStatus(from.status);
    return from[field] || (field === "owner" ? "nobody" : "empty");
  };
  const names = (people.data ?? []).map((each) => each.name);
  const owner = draft.owner !== undefined ? draft.owner : detail.owner;
  if (owner && !names.includes(owner)) names.unshift(owner);
  const said = (field: Field) =>
    wrong[field] && (
      <small id={`wrong-${field}`} className="wrong" role="alert">
        {wrong[field]}
      </small>
    );
  const described = (field: Field) => ({
    "aria-invalid": wrong[field] !== undefined,
    "aria-describedby": wrong[field] ? `wrong-${field}` : undefined,
  });
  return (
    <form className="card case-form" onSubmit={save} aria-label="What is known" noValidate>
      {conflict.length > 0 && (
        <div className="conflict" role="alert">
          <p>
            <b>Somebody changed this case meanwhile.</b> What you typed is kept; save again to put it over.
          </p>
          <ul className="plain">
            {conflict.map((field) => (
              <li key={field}>
                {NAME[field]} is now <b>{shown(field, detail)}</b>
                {draft[field] !== undefined && (
                  <>
                    {" "}
                    <button type="button" className="button small" onClick={() => forget(field)}>
                      Keep theirs
                    </button>
                  </>
                )}
              </li>
            ))}
          </ul>
        </div>
      )}
      <label>
        Title
        <input
          value={draft.title ?? detail.title}
          maxLength={200}
          onChange={(event) => type("title", event.target.value)}
          {...described("title")}
        />
        {said("title")}
      </label>
      <div className="pair">
        <label>
          Status
          <select
            value={draft.status ?? detail.status}
            onChange={(event) => type("status", event.target.value as CaseStatus)}
          >
            {CASE_STATUS.map((each) => (
              <option key={each.code} value={each.code} title={each.help}>
                {each.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Owner
          <select value={owner ?? ""} onChange={(event) => type("owner", event.target.value || null)}>
            <option value="">Nobody</option>
            {names.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        {(["loss", "recovered"] as const).map((field) => (
          <label key={field}>
            {NAME[field]} ({currency})
            <input
              inputMode="decimal"
              autoComplete="off"
              placeholder="not known"
              value={draft[field] ?? amountText(detail[field === "loss" ? "loss_minor" : "recovered_minor"], currency)}
              onChange={(event) => type(field, event.target.value)}
              {...described(field)}
            />
            {said(field)}
          </label>
        ))}
      </div>
      <label>
        Summary
        <textarea
          rows={4}
          value={draft.summary_text ?? detail.summary_text}
          placeholder="What happened, in a few sentences"
          onChange={(event) => type("summary_text", event.target.value)}
        />
      </label>
      <div className="choices">
        <button type="submit" className="button primary" disabled={!patch || busy}>
          {busy ? "Saving…" : "Save"}
        </button>
        {typing && (
          <button type="button" className="button" onClick={() => setDraft({})}>
            Undo typing
          </button>
        )}
      </div>
      {failed !== null && <Failed error={failed} />}
    </form>
  );
}
