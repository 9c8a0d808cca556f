// The last decision about one or many alerts, and its undo.
import { useCallback, useState } from "react";
import { assign, type Batch, decide, outcome } from "../api/decide";
import type { AlertSummary, Disposition } from "../api/types";
import { draftOf, keepDraft } from "../lib/drafts";
import { dispositionName } from "../lib/words";
import { useMe } from "./session";

export function useBatch() {
  const me = useMe().name;
  const [last, setLast] = useState<Batch | null>(null);
  const [said, setSaid] = useState("");
  const [failed, setFailed] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);

  const act = useCallback(async (alerts: AlertSummary[], disposition: Disposition, note: string): Promise<Batch> => {
    setBusy(true);
    setFailed(null);
    const batch = await decide(alerts, disposition, note);
    setBusy(false);
    setFailed(batch.failed);
    const [only] = batch.decided;
    const one = only && alerts.length === 1;
    const what = disposition === "reopened" && !one ? outcome(batch, "open again") : outcome(batch);
    setSaid(`${dispositionName(disposition)}: ${one ? only.title : what}`);
    setLast(batch.decided.length > 0 && disposition !== "reopened" ? batch : null);
    return batch;
  }, []);

  const undo = useCallback(async (): Promise<void> => {
    if (!last) return;
    // What was written with the decision is there for the next one.
    for (const { alert_id } of last.decided) {
      if (draftOf(me, alert_id) === "") keepDraft(me, alert_id, last.note);
    }
    await act(last.decided, "reopened", "");
  }, [last, act, me]);

  const give = useCallback(async (alerts: AlertSummary[], assignee: string | null): Promise<boolean> => {
    setFailed(null);
    try {
      await assign(alerts, assignee);
      setLast(null);
      setSaid(`${alerts.length === 1 ? "1 alert" : `${alerts.length} alerts`} given to ${assignee ?? "nobody"}`);
      return true;
    } catch (error) {
      setFailed(error);
      return false;
    }
  }, []);

  const say = useCallback((text: string) => {
    setLast(null);
    setSaid(text);
  }, []);
  return { last, said, failed, busy, act, undo, give, say };
}
