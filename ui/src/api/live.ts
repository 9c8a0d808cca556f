// The server's events (SSE): one connection while somebody is signed in, and who listens to it.
import { useEffect, useSyncExternalStore } from "react";
import { camerasQuery, client, demoQuery, meQuery } from "./queries";
import type { AlertDetail, AlertSummary, Camera, CaseSummary } from "./types";

export type LiveState = "connecting" | "live" | "lost";

const listeners = new Set<(alert: AlertSummary) => void>();
const watchers = new Set<() => void>();
let state: LiveState = "connecting";
let source: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let wait = 1000;
let seen = false;

function become(next: LiveState): void {
  if (state === next) return;
  state = next;
  for (const each of watchers) each();
}

function opened(): void {
  wait = 1000;
  become("live");
  // What happened while nobody listened.
  if (seen) {
    void client.invalidateQueries({ queryKey: ["alerts"] });
    void client.invalidateQueries({ queryKey: camerasQuery.queryKey });
    changedCases();
  }
  seen = true;
}

// Lists of cases, and the case that is looked at, are asked for anew.
function changedCases(id?: string): void {
  void client.invalidateQueries({ queryKey: ["cases"] });
  void client.invalidateQueries({ queryKey: id ? ["case", id] : ["case"] });
}

function connect(): void {
  clearTimeout(timer);
  source?.close();
  const mine = new EventSource("/api/v1/events");
  source = mine;
  mine.onopen = opened;
  mine.onerror = () => {
    become("lost");
    // The browser tries again by itself, unless the server refused.
    if (mine.readyState !== EventSource.CLOSED) return;
    void client.invalidateQueries({ queryKey: meQuery.queryKey });
    timer = setTimeout(connect, wait);
    wait = Math.min(wait * 2, 30_000);
  };
  const alert = (message: MessageEvent<string>) => tell(message.data);
  mine.addEventListener("alert", alert);
  mine.addEventListener("review", alert);
  mine.addEventListener("case", (message: MessageEvent<string>) => {
    const changed = parse<CaseSummary>(message.data);
    if (changed) changedCases(changed.case_id);
  });
  mine.addEventListener("camera", (message: MessageEvent<string>) => {
    const camera = parse<Camera>(message.data);
    if (!camera) return;
    client.setQueryData(camerasQuery.queryKey, (old: Camera[] | undefined) =>
      old?.map((each) => (each.id === camera.id && each.store_id === camera.store_id ? { ...each, ...camera } : each)),
    );
  });
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}

function tell(text: string): void {
  const alert = parse<AlertSummary>(text);
  if (!alert?.alert_id) return;
  announce(alert);
}

const holds = ({ item }: AlertDetail, id: string) => item.members.some((each) => each.alert_id === id);

// What is known of an alert, itself or as one of its item, as it is now.
function patched(known: AlertDetail, alert: AlertSummary): AlertDetail {
  const own = known.alert_id === alert.alert_id ? { ...known, ...alert } : known;
  if (!holds(known, alert.alert_id)) return own;
  const members = known.item.members.map((each) => (each.alert_id === alert.alert_id ? alert : each));
  return { ...own, item: { ...known.item, members } };
}

// Whether the server has more to say: the alert has changed, or joined or left the item.
function outdated(known: AlertDetail, alert: AlertSummary): boolean {
  if (holds(known, alert.alert_id) !== (known.item.item_id === alert.item_id)) return true;
  const told = ["revision", "reviewed_at", "assignee"] as const;
  const before = known.item.members.find((each) => each.alert_id === alert.alert_id);
  if (before && before.asked?.at !== alert.asked?.at) return true;
  return known.alert_id === alert.alert_id && told.some((each) => known[each] !== alert[each]);
}

// Also called with the answer to one's own decision, which may come before the event.
export function announce(alert: AlertSummary): void {
  for (const each of listeners) each(alert);
  for (const query of client.getQueryCache().findAll({ queryKey: ["alert"] })) {
    const known = query.state.data as AlertDetail | undefined;
    if (known)
      client.setQueryData<AlertDetail>(query.queryKey, patched(known, alert), { updatedAt: query.state.dataUpdatedAt });
    if (known && outdated(known, alert)) void client.invalidateQueries({ queryKey: query.queryKey, exact: true });
  }
  if (client.getQueryData(demoQuery.queryKey)) void client.invalidateQueries({ queryKey: demoQuery.queryKey });
}

export function retryNow(): void {
  wait = 1000;
  become("connecting");
  connect();
}

// Holds the connection as long as the component is there.
export function useConnection(): void {
  useEffect(() => {
    connect();
    return () => {
      clearTimeout(timer);
      source?.close();
      source = undefined;
      seen = false;
      become("connecting");
    };
  }, []);
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => state,
  );
}

export function listen(listener: (alert: AlertSummary) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
