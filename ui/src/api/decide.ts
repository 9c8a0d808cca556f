// Decisions and assignments of many alerts at once, and what became of each.
import { Problem, send } from "./http";
import { announce } from "./live";
import { alertQuery, client } from "./queries";
import type { AlertSummary, Decided, Disposition, Remark } from "./types";

// The server takes no more at once.
const MOST = 200;

export type Batch = {
  disposition: Disposition;
  note: string;
  decided: AlertSummary[];
  // Somebody changed it meanwhile, so that it was left as it is.
  changed: Decided[];
  // Not there any more.
  unknown: Decided[];
  // Why the rest was not asked for.
  failed: unknown;
};

function chunks<T>(all: T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / MOST) }, (_, at) => all.slice(at * MOST, (at + 1) * MOST));
}

function tell(alert: AlertSummary): void {
  announce(alert);
  void client.invalidateQueries({ queryKey: alertQuery(alert.alert_id).queryKey });
}

export async function decide(alerts: AlertSummary[], disposition: Disposition, note: string): Promise<Batch> {
  const batch: Batch = { disposition, note, decided: [], changed: [], unknown: [], failed: null };
  for (const some of chunks(alerts)) {
    try {
      const { items } = await send<{ items: Decided[] }>("POST", "/api/v1/alerts/review", {
        decisions: some.map(({ alert_id, revision }) => ({ alert_id, revision })),
        disposition,
        note: note.trim() || undefined,
      });
      for (const each of items) {
        if (each.alert) tell(each.alert);
        if (each.outcome === "decided" && each.alert) batch.decided.push(each.alert);
        else if (each.outcome === "changed") batch.changed.push(each);
        else batch.unknown.push(each);
      }
    } catch (error) {
      batch.failed = error;
      break;
    }
  }
  return batch;
}

const count = (many: number, one: string) => `${many} ${one}`;

// "28 decided, 2 had changed: look again"
export function outcome({ decided, changed, unknown }: Batch, done = "decided"): string {
  const parts = [count(decided.length, done)];
  if (changed.length > 0) parts.push(count(changed.length, "had changed: look again"));
  if (unknown.length > 0) parts.push(count(unknown.length, unknown.length === 1 ? "is gone" : "are gone"));
  return parts.join(", ");
}

export async function assign(alerts: AlertSummary[], assignee: string | null): Promise<void> {
  for (const some of chunks(alerts)) {
    const body = { alert_ids: some.map((each) => each.alert_id), assignee };
    const { items } = await send<{ items: AlertSummary[] }>("PUT", "/api/v1/alerts/assignee", body);
    for (const each of items) tell(each);
  }
}

// What a store says of an alert. It decides nothing.
export async function say(id: string, disposition: Remark, note: string): Promise<void> {
  const body = { disposition, note: note.trim() || null };
  const alert = await send<AlertSummary>("POST", `/api/v1/alerts/${encodeURIComponent(id)}/said`, body);
  tell(alert);
  void client.invalidateQueries({ queryKey: ["report", alert.store_id] });
}

export const reason = (error: unknown): string =>
  error instanceof Problem ? `${error.title}. ${error.detail} ${error.cure}` : String(error);
