// Adds alerts or receipts to a case: an open one, found by typing, or a new one with what was typed as its title.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useDeferredValue, useState } from "react";
import { get, Problem, queryString, send } from "../api/http";
import type { CaseDetail, CasePage } from "../api/types";
import { caseStatus, isResolved } from "../lib/words";
import { type Choice, Picker } from "./Picker";
import { Failed } from "./states";

export type Clip = { store_id: string; camera_id: string; from_at: string; to_at: string };
export type Things = { alerts: string[]; receipts: string[]; clips?: Clip[] };
export type Added = { case_id: string; number: number; title: string; there: number };

type Props = { things: Things; done: (added: Added) => void; close: () => void; children?: ReactNode };

const NEW = "new";

async function add(id: string, things: Things): Promise<Added> {
  const bodies = [
    ...things.alerts.map((alert_id) => ({ kind: "alert", alert_id })),
    ...things.receipts.map((event_id) => ({ kind: "receipt", event_id })),
    ...(things.clips ?? []).map((clip) => ({ kind: "clip", ...clip })),
  ];
  const path = `/api/v1/cases/${encodeURIComponent(id)}`;
  let there = 0;
  let detail: CaseDetail | undefined;
  for (const body of bodies) {
    try {
      detail = await send<CaseDetail>("POST", `${path}/items`, body);
    } catch (error) {
      // It is in the case already: that is what was wanted.
      if (!(error instanceof Problem && error.status === 409)) throw error;
      there += 1;
    }
  }
  const { case_id, number, title } = detail ?? (await get<CaseDetail>(path));
  return { case_id, number, title, there };
}

// A new case with what is to be in it.
async function open({ alerts, receipts, clips }: Things, title: string): Promise<Added> {
  const made = await send<CaseDetail>("POST", "/api/v1/cases", { title, alerts, receipts });
  return clips?.length ? add(made.case_id, { alerts: [], receipts: [], clips }) : { ...made, there: 0 };
}

export function CasePicker({ things, done, close, children }: Props) {
  const client = useQueryClient();
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState<unknown>(null);
  const q = useDeferredValue(typed.trim());
  const found = useQuery({
    queryKey: ["cases", "pick", q],
    queryFn: ({ signal }) => get<CasePage>(`/api/v1/cases${queryString({ q, limit: 50 })}`, signal),
    placeholderData: (before) => before,
  });
  const known: Choice[] = (found.data?.items ?? [])
    .filter((each) => !isResolved(each.status))
    .map((each) => ({
      id: each.case_id,
      text: `#${each.number} ${each.title}`,
      hint: [caseStatus(each.status), each.owner].filter(Boolean).join(", "),
    }));
  const title = typed.trim();
  const choices = title === "" ? known : [...known, { id: NEW, text: `New case “${title}”` }];

  const choose = async (choice: Choice) => {
    setBusy(true);
    setFailed(null);
    try {
      done(await (choice.id === NEW ? open(things, title) : add(choice.id, things)));
    } catch (error) {
      setFailed(error);
    }
    // What was added before it failed is there.
    for (const key of ["cases", "case", "alert"]) void client.invalidateQueries({ queryKey: [key] });
    setBusy(false);
  };
  const count = things.alerts.length + things.receipts.length + (things.clips?.length ?? 0);
  const what = things.alerts.length > 0 ? "alert" : things.receipts.length > 0 ? "receipt" : "clip";
  return (
    <Picker
      title={count === 1 ? `Add this ${what} to a case` : `Add ${count} ${what}s to a case`}
      label="An open case, or the title of a new one"
      choices={choices}
      typed={typed}
      setTyped={setTyped}
      choose={(choice) => void choose(choice)}
      close={close}
      busy={busy}
      none={found.isPending ? "Looking for open cases…" : "No open case yet. Type a title to open one."}
    >
      {children}
      {failed !== null && <Failed error={failed} />}
      {found.isError && <Failed error={found.error} retry={() => found.refetch()} />}
    </Picker>
  );
}

export function AddedTo({ added }: { added: Added }) {
  return (
    <>
      {added.there > 0 ? "Was in " : "Added to "}
      <Link to="/cases/$caseId" params={{ caseId: added.case_id }}>
        case #{added.number} {added.title}
      </Link>
    </>
  );
}
