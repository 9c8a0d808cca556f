// The queue while alerts arrive. Nothing moves under a person's hand: as long as the list is held (the pointer is over
// it, the focus is in it, something of it is selected, or it is scrolled), new alerts wait behind a button and decided
// ones stay, dimmed.

import type { QueueFilter } from "../api/queries";
import type { AlertSummary, Asked, QueueItem } from "../api/types";
import { inView } from "./sending";
import { isOpen } from "./words";

// A filter, and who asks: "me" is somebody.
export type Wanted = QueueFilter & { me?: string };

export type Queue = {
  items: QueueItem[];
  // Arrived while the list was held, newest first. They may be of items that are shown.
  waiting: AlertSummary[];
  // Alerts that are shown, but no longer of this list; gone when the list is released.
  leaving: ReadonlySet<string>;
  // Known by messages only; no page of the server's has had them yet.
  heard: ReadonlySet<string>;
};

export const EMPTY: Queue = { items: [], waiting: [], leaving: new Set(), heard: new Set() };

export function belongs(alert: AlertSummary, wanted: Wanted): boolean {
  if (wanted.store && alert.store_id !== wanted.store) return false;
  if (wanted.rule && alert.rule_id !== wanted.rule) return false;
  if (wanted.operator && alert.operator_id !== wanted.operator) return false;
  if (wanted.asked && !alert.asked) return false;
  if (!inView(alert, wanted.sent)) return false;
  if (wanted.assignee === "none" && alert.assignee) return false;
  const assignee = wanted.assignee === "me" ? wanted.me : wanted.assignee;
  if (wanted.assignee && wanted.assignee !== "none" && alert.assignee !== assignee) return false;
  if (wanted.state === "all") return true;
  const open = isOpen(alert.disposition) && alert.state !== "retracted";
  return open === (wanted.state === "open");
}

// Whether `next` is newer than what is known: revisions rise, and of one revision the later review holds.
function newer(next: AlertSummary, known: AlertSummary): boolean {
  if (next.revision !== known.revision) return next.revision > known.revision;
  return (next.reviewed_at ?? "") >= (known.reviewed_at ?? "");
}

// As the server orders them.
function newestFirst(one: AlertSummary, other: AlertSummary): number {
  return other.event_time.localeCompare(one.event_time) || other.alert_id.localeCompare(one.alert_id);
}

function newest(alerts: AlertSummary[]): string {
  return (
    alerts
      .map((each) => each.raised_at)
      .sort()
      .at(-1) ?? ""
  );
}

// The last time that the store asked to look at one of them.
function lastAsked(alerts: AlertSummary[]): Asked | null {
  const asked = alerts.flatMap((each) => each.asked ?? []);
  return asked.sort((one, other) => one.at.localeCompare(other.at)).at(-1) ?? null;
}

// Whether it comes before what is newer: the store asks to look at it, and nobody has decided.
const pressing = (item: QueueItem): boolean =>
  item.members.some((each) => each.asked && each.disposition === null && each.state !== "retracted");

// An item of these alerts. Its head is the one that matters most, unless one is to stay.
function itemOf(members: AlertSummary[], before?: QueueItem, held = false): QueueItem | undefined {
  const sorted = [...members].sort(newestFirst);
  const [first] = sorted;
  if (!first) return undefined;
  const best = sorted.reduce((most, each) => ((each.expected_minor ?? -1) > (most.expected_minor ?? -1) ? each : most));
  const head = (held && sorted.find((each) => each.alert_id === before?.head.alert_id)) || best;
  const same = before?.head.alert_id === head.alert_id;
  return {
    item_id: held && before ? before.item_id : head.item_id,
    head,
    members: sorted,
    amount_minor: same ? before.amount_minor : head.amount_minor,
    currency: same ? before.currency : head.currency,
    expected_minor: same ? before.expected_minor : head.expected_minor,
    assignee: head.assignee,
    asked: lastAsked(sorted),
  };
}

function holds(item: QueueItem, id: string): boolean {
  return item.members.some((each) => each.alert_id === id);
}

// Whether nothing of it is of this list any more.
export function hasLeft(queue: Queue, item: QueueItem): boolean {
  return item.members.every((each) => queue.leaving.has(each.alert_id));
}

// What a decision about an item is about: its open alerts; when all are decided, all of them, to be decided anew.
export function due(members: AlertSummary[]): AlertSummary[] {
  const open = members.filter((each) => isOpen(each.disposition) && each.state !== "retracted");
  return open.length > 0 ? open : members;
}

// Whether alerts are about one and the same receipt: whoever has looked at one has looked at all of them. Others of an item
// share seconds before a camera, and each has a receipt of its own.
export function sameReceipt([first, ...others]: AlertSummary[]): boolean {
  return others.every(
    (each) =>
      each.store_id === first?.store_id &&
      each.register_id === first.register_id &&
      each.event_time === first.event_time,
  );
}

const latest = (item: QueueItem): string => item.members[0]?.event_time ?? "";

// Puts an item where it belongs among those that are there.
function insert(items: QueueItem[], item: QueueItem, wanted: Wanted): void {
  const first = (one: QueueItem, other: QueueItem) =>
    wanted.sort === "value" && one.expected_minor !== other.expected_minor
      ? (one.expected_minor ?? -1) > (other.expected_minor ?? -1)
      : pressing(one) !== pressing(other) && wanted.sort !== "value"
        ? pressing(one)
        : latest(one) > latest(other);
  const at = items.findIndex((each) => first(item, each));
  items.splice(at < 0 ? items.length : at, 0, item);
}

// A message from the server: an alert that is new or has changed.
export function arrive(queue: Queue, alert: AlertSummary, wanted: Wanted, held: boolean): Queue {
  const { alert_id } = alert;
  const fits = belongs(alert, wanted);
  const shown = queue.items.flatMap((each) => each.members).find((each) => each.alert_id === alert_id);
  if (shown) {
    if (!newer(alert, shown)) return queue;
    const leaving = new Set(queue.leaving);
    if (fits) leaving.delete(alert_id);
    else leaving.add(alert_id);
    const items = queue.items.map((item) => {
      if (!holds(item, alert_id)) return item;
      const members = item.members.map((each) => (each.alert_id === alert_id ? alert : each));
      return itemOf(members, item, true) ?? item;
    });
    const next = { ...queue, items, leaving };
    return held ? next : release(next, wanted);
  }
  const known = queue.waiting.find((each) => each.alert_id === alert_id);
  if (known && !newer(alert, known)) return queue;
  const waiting = queue.waiting.filter((each) => each.alert_id !== alert_id);
  if (fits) waiting.unshift(alert);
  else if (!known) return queue;
  const next = { ...queue, waiting, heard: new Set(queue.heard).add(alert_id) };
  return held ? next : release(next, wanted);
}

// Lets in what waits, lets go what has left, and puts alerts that have moved into their items.
export function release(queue: Queue, wanted: Wanted): Queue {
  const settled = (item: QueueItem) =>
    item.members.every((each) => each.item_id === item.item_id && !queue.leaving.has(each.alert_id));
  if (queue.waiting.length === 0 && queue.items.every(settled)) return { ...queue, leaving: new Set() };
  const groups = new Map<string, AlertSummary[]>();
  for (const each of [...queue.items.flatMap((item) => item.members), ...queue.waiting]) {
    if (queue.leaving.has(each.alert_id)) continue;
    groups.set(each.item_id, [...(groups.get(each.item_id) ?? []), each]);
  }
  const items: QueueItem[] = [];
  const grown: QueueItem[] = [];
  for (const item of queue.items) {
    const members = groups.get(item.item_id);
    groups.delete(item.item_id);
    if (!members) continue;
    const next = itemOf(members, item) ?? item;
    (members.some((each) => !holds(item, each.alert_id)) ? grown : items).push(next);
  }
  for (const members of groups.values()) grown.push(...[itemOf(members)].filter((item) => item !== undefined));
  for (const item of grown) insert(items, item, wanted);
  return { ...queue, items, waiting: [], leaving: new Set() };
}

// Pages of the server's list. They may be older than messages that have arrived already, and newer than what is shown.
export function load(queue: Queue, pages: QueueItem[], wanted: Wanted, held: boolean): Queue {
  const fresh = new Map(pages.flatMap((item) => item.members).map((each) => [each.alert_id, each]));
  const shown = new Map(queue.items.flatMap((item) => item.members).map((each) => [each.alert_id, each]));
  const known = new Map([...queue.waiting, ...shown.values()].map((each) => [each.alert_id, each]));
  const best = (each: AlertSummary) => {
    const old = known.get(each.alert_id);
    return old && !newer(each, old) ? old : each;
  };
  const newestPage = newest([...fresh.values()]);
  // Known by a message that is newer than the pages; or, if older, the server has taken it out of the list.
  const ahead = (each: AlertSummary) =>
    queue.heard.has(each.alert_id) && each.raised_at > newestPage && belongs(each, wanted);
  const waiting = [...known.values()].filter((each) => !fresh.has(each.alert_id) && ahead(each));
  const heard = new Set([...queue.heard].filter((id) => !fresh.has(id)));
  const remade = (item: QueueItem, stay: boolean) => itemOf(item.members.map(best), item, stay) ?? item;
  const gone = (items: QueueItem[]) =>
    items
      .flatMap((item) => item.members)
      .filter((each) => !belongs(each, wanted) || !(fresh.has(each.alert_id) || ahead(each)));

  if (!held) {
    const items = pages.map((item) => remade(item, true));
    const leaving = new Set(gone(items).map((each) => each.alert_id));
    return release({ items, waiting: waiting.sort(newestFirst), leaving, heard }, wanted);
  }
  const items = queue.items.map((item) => {
    const members = item.members.map((each) => best(fresh.get(each.alert_id) ?? each));
    return itemOf(members, item, true) ?? item;
  });
  // What stands below all that is shown is an older page; what stands between is new, and waits.
  const last = pages.findLastIndex((item) => item.members.some((each) => shown.has(each.alert_id)));
  const late = waiting.filter((each) => !shown.has(each.alert_id));
  pages.forEach((item, at) => {
    const unseen = item.members.filter((each) => !shown.has(each.alert_id));
    if (at > last) items.push(remade(item, true));
    else late.push(...unseen.map(best));
  });
  const leaving = new Set(gone(items).map((each) => each.alert_id));
  return { items, waiting: late.sort(newestFirst), leaving, heard };
}

// The item beside the one that holds this alert, skipping those that have left the list.
export function neighbour(queue: Queue, id: string | undefined, step: 1 | -1): QueueItem | undefined {
  const at = queue.items.findIndex((item) => id !== undefined && holds(item, id));
  if (at < 0) return step === 1 ? queue.items.find((item) => !hasLeft(queue, item)) : undefined;
  for (let next = at + step; next >= 0 && next < queue.items.length; next += step) {
    const found = queue.items[next];
    if (found && !hasLeft(queue, found)) return found;
  }
  return undefined;
}
