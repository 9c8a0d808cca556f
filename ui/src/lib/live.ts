// The queue while alerts arrive. Nothing moves under a person's hand: as long as the list is held (the pointer is over
// it, the focus is in it, or it is scrolled), new alerts wait behind a button and decided ones stay, dimmed.

import type { QueueFilter } from "../api/queries";
import type { AlertSummary } from "../api/types";
import { isOpen } from "./words";

export type Queue = {
  items: AlertSummary[];
  // Arrived while the list was held, newest first.
  waiting: AlertSummary[];
  // Shown, but no longer of this list; gone when the list is released.
  leaving: ReadonlySet<string>;
  // Known by messages only; no page of the server's has had them yet.
  heard: ReadonlySet<string>;
};

export const EMPTY: Queue = { items: [], waiting: [], leaving: new Set(), heard: new Set() };

export function belongs(alert: AlertSummary, filter: QueueFilter): boolean {
  if (filter.store && alert.store_id !== filter.store) return false;
  if (filter.rule && alert.rule_id !== filter.rule) return false;
  if (filter.state === "all") return true;
  const open = isOpen(alert.disposition) && alert.state !== "retracted";
  return open === (filter.state === "open");
}

// Whether `next` is newer than what is known: revisions rise, and of one revision the later review holds.
function newer(next: AlertSummary, known: AlertSummary): boolean {
  if (next.revision !== known.revision) return next.revision > known.revision;
  return (next.reviewed_at ?? "") >= (known.reviewed_at ?? "");
}

function newestFirst(one: AlertSummary, other: AlertSummary): number {
  return other.raised_at.localeCompare(one.raised_at) || one.alert_id.localeCompare(other.alert_id);
}

// A message from the server: an alert that is new or has changed.
export function arrive(queue: Queue, alert: AlertSummary, filter: QueueFilter, held: boolean): Queue {
  const wanted = belongs(alert, filter);
  const shown = queue.items.find((each) => each.alert_id === alert.alert_id);
  if (shown) {
    if (!newer(alert, shown)) return queue;
    const leaving = new Set(queue.leaving);
    if (wanted) leaving.delete(alert.alert_id);
    else leaving.add(alert.alert_id);
    const items = queue.items.map((each) => (each.alert_id === alert.alert_id ? alert : each));
    const next = { ...queue, items, leaving };
    return held ? next : release(next);
  }
  const known = queue.waiting.find((each) => each.alert_id === alert.alert_id);
  if (known && !newer(alert, known)) return queue;
  const waiting = queue.waiting.filter((each) => each.alert_id !== alert.alert_id);
  if (wanted) waiting.unshift(alert);
  else if (!known) return queue;
  const next = { ...queue, waiting, heard: new Set(queue.heard).add(alert.alert_id) };
  return held ? next : release(next);
}

// Lets in what waits and lets go what has left.
export function release(queue: Queue): Queue {
  if (queue.waiting.length === 0 && queue.leaving.size === 0) return queue;
  const stay = queue.items.filter((each) => !queue.leaving.has(each.alert_id));
  return { ...queue, items: [...queue.waiting, ...stay].sort(newestFirst), waiting: [], leaving: new Set() };
}

// Pages of the server's list. They may be older than messages that have arrived already, and newer than what is shown.
export function load(queue: Queue, pages: AlertSummary[], filter: QueueFilter, held: boolean): Queue {
  const fresh = new Map(pages.map((each) => [each.alert_id, each]));
  const known = new Map([...queue.waiting, ...queue.items].map((each) => [each.alert_id, each]));
  const shown = new Set(queue.items.map((each) => each.alert_id));
  const newestPage = pages[0]?.raised_at ?? "";
  const newestShown = queue.items[0]?.raised_at;
  const items: AlertSummary[] = [];
  const waiting: AlertSummary[] = [];
  const leaving = new Set<string>();
  for (const each of pages) {
    const old = known.get(each.alert_id);
    const alert = old && !newer(each, old) ? old : each;
    const late = !shown.has(each.alert_id) && newestShown !== undefined && each.raised_at > newestShown;
    (held && late ? waiting : items).push(alert);
  }
  for (const each of known.values()) {
    if (fresh.has(each.alert_id)) continue;
    // A message that is newer than the list; or, if older, the server has taken it out of the list.
    const ahead = queue.heard.has(each.alert_id) && each.raised_at > newestPage && belongs(each, filter);
    if (!shown.has(each.alert_id)) {
      if (ahead) waiting.push(each);
    } else if (ahead || held) {
      items.push(each);
      if (!ahead) leaving.add(each.alert_id);
    }
  }
  for (const each of items) if (!belongs(each, filter)) leaving.add(each.alert_id);
  const heard = new Set([...queue.heard].filter((id) => !fresh.has(id)));
  const next = { items: items.sort(newestFirst), waiting: waiting.sort(newestFirst), leaving, heard };
  return held ? next : release(next);
}

// The neighbour of an alert in the list, skipping those that have left it.
export function neighbour(queue: Queue, id: string | undefined, step: 1 | -1): AlertSummary | undefined {
  const at = queue.items.findIndex((each) => each.alert_id === id);
  if (at < 0) return step === 1 ? queue.items.find((each) => !queue.leaving.has(each.alert_id)) : undefined;
  for (let next = at + step; next >= 0 && next < queue.items.length; next += step) {
    const found = queue.items[next];
    if (found && !queue.leaving.has(found.alert_id)) return found;
  }
  return undefined;
}
