// What somebody types into a case while others may change it. Typed values are never lost: a conflict names what the other
// person changed, and the typed value stays until it is saved or given up.
import type { CaseStatus, CaseSummary } from "../api/types";
import { readAmount } from "./amount";

// As it stands in the boxes; money as text.
export type Draft = {
  title?: string;
  status?: CaseStatus;
  owner?: string | null;
  summary_text?: string;
  loss?: string;
  recovered?: string;
};
export type Field = keyof Draft;

export type CaseFields = Pick<
  CaseSummary,
  "title" | "status" | "owner" | "loss_minor" | "recovered_minor" | "revision"
> & {
  summary_text: string;
};

const COLUMN = {
  title: "title",
  status: "status",
  owner: "owner",
  summary_text: "summary_text",
  loss: "loss_minor",
  recovered: "recovered_minor",
} as const;

export const FIELDS = Object.keys(COLUMN) as Field[];

// Which fields somebody else has changed between two states of a case.
export function changedFields(before: CaseFields, after: CaseFields): Field[] {
  return FIELDS.filter((field) => (before[COLUMN[field]] ?? "") !== (after[COLUMN[field]] ?? ""));
}

export type Patch = { revision: number; currency?: string } & Partial<Omit<CaseFields, "revision">>;
export type Wrong = Partial<Record<Field, string>>;

// What is to be saved: only what was typed and differs; or what is wrong with it.
export function patchOf(draft: Draft, now: CaseFields, currency: string): { patch: Patch | null; wrong: Wrong } {
  const wrong: Wrong = {};
  const patch: Patch = { revision: now.revision };
  if (draft.title !== undefined && draft.title.trim() !== now.title) {
    if (draft.title.trim() === "") wrong.title = "A case has a title.";
    else patch.title = draft.title.trim();
  }
  if (draft.status !== undefined && draft.status !== now.status) patch.status = draft.status;
  if (draft.owner !== undefined && draft.owner !== now.owner) patch.owner = draft.owner;
  if (draft.summary_text !== undefined && draft.summary_text !== now.summary_text) {
    patch.summary_text = draft.summary_text;
  }
  for (const field of ["loss", "recovered"] as const) {
    const typed = draft[field];
    if (typed === undefined) continue;
    const amount = readAmount(typed, currency);
    if (amount.wrong !== null) wrong[field] = amount.wrong;
    else if (amount.minor !== now[COLUMN[field]]) {
      patch[COLUMN[field]] = amount.minor;
      patch.currency = currency;
    }
  }
  const loss = "loss_minor" in patch ? patch.loss_minor : now.loss_minor;
  if (patch.status === "resolved" && loss === null && !wrong.loss) {
    wrong.loss = "A resolved case says what was lost. 0 is an answer.";
  }
  const any = Object.keys(patch).length > 1;
  return { patch: any && Object.keys(wrong).length === 0 ? patch : null, wrong };
}
