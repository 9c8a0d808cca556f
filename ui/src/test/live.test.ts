import { describe, expect, it } from "vitest";
import type { QueueFilter } from "../api/queries";
import type { AlertSummary, QueueItem } from "../api/types";
import {
  arrive,
  due,
  EMPTY,
  hasLeft,
  load,
  neighbour,
  type Queue,
  release,
  sameReceipt,
  type Wanted,
} from "../lib/live";

const OPEN: QueueFilter = { state: "open" };

function alert(id: string, minute: number, more: Partial<AlertSummary> = {}): AlertSummary {
  const at = `2026-11-22T12:${String(minute).padStart(2, "0")}:00.000000Z`;
  return {
    alert_id: id,
    revision: 0,
    state: "standing",
    store_id: "17",
    register_id: "1",
    operator_id: null,
    rule_id: "refund_no_customer",
    severity: "high",
    title: id,
    reason: "",
    amount_minor: null,
    currency: null,
    event_time: at,
    camera_time: null,
    raised_at: at,
    business_day: null,
    provisional: false,
    has_video: true,
    disposition: null,
    reviewed_by: null,
    reviewed_at: null,
    item_id: id,
    assignee: null,
    expected_minor: null,
    asked: null,
    sent: true,
    sending: "threshold",
    picked: null,
    ...more,
  };
}

const decided = (of: AlertSummary, at = "2026-11-22T13:00:00Z"): AlertSummary => ({
  ...of,
  disposition: "no_issue",
  reviewed_by: "anna",
  reviewed_at: at,
});
function item(...members: AlertSummary[]): QueueItem {
  const [head] = members;
  if (!head) throw new Error("an item has members");
  const { item_id, amount_minor, currency, expected_minor, assignee, asked } = head;
  return { item_id, head, members, amount_minor, currency, expected_minor, assignee, asked };
}
const ids = (queue: Queue) => queue.items.map((each) => each.members.map((member) => member.alert_id).join("+"));
const list = (...alerts: AlertSummary[]) => alerts.map((each) => item(each));
const shown = () => load(EMPTY, list(alert("b", 2), alert("a", 1)), OPEN, false);

describe("an alert arrives", () => {
  it("on top when nobody touches the list", () => {
    expect(ids(arrive(shown(), alert("c", 3), OPEN, false))).toEqual(["c", "b", "a"]);
  });

  it("below what a store asks to look at, until somebody has decided", () => {
    const asked = { at: "2026-11-22T13:00:00Z", by: "maria@example.com", report_day: "2026-11-22" };
    const asks = load(EMPTY, list(alert("a", 1, { asked }), alert("b", 2)), OPEN, false);
    expect(ids(asks)).toEqual(["a", "b"]);
    expect(ids(arrive(asks, alert("c", 3), OPEN, false))).toEqual(["a", "c", "b"]);
    expect(ids(arrive(asks, alert("d", 0, { asked }), OPEN, false))).toEqual(["a", "d", "b"]);
    expect(asks.items.map((each) => each.asked?.by)).toEqual(["maria@example.com", undefined]);
    const all: Wanted = { state: "all" };
    const settled = load(EMPTY, list(decided(alert("a", 1, { asked }))), all, false);
    expect(ids(arrive(settled, alert("c", 3), all, false))).toEqual(["c", "a"]);
    expect(ids(arrive(asks, alert("c", 3), { ...OPEN, asked: "true" }, false))).toEqual(["a", "b"]);
  });

  it("behind the button while a hand is on the list, and on top when it is let in", () => {
    const held = arrive(arrive(shown(), alert("c", 3), OPEN, true), alert("d", 4), OPEN, true);
    expect(ids(held)).toEqual(["b", "a"]);
    expect(held.waiting.map((each) => each.alert_id)).toEqual(["d", "c"]);
    expect(ids(release(held, OPEN))).toEqual(["d", "c", "b", "a"]);
  });

  it("once, however often it is said", () => {
    const twice = arrive(arrive(shown(), alert("c", 3), OPEN, false), alert("c", 3), OPEN, false);
    expect(ids(twice)).toEqual(["c", "b", "a"]);
  });

  it("not at all when the filter does not want it", () => {
    const filter: QueueFilter = { state: "open", store: "42" };
    expect(arrive(EMPTY, alert("c", 3), filter, false)).toBe(EMPTY);
  });

  it("and an older revision never replaces a newer one", () => {
    const amended = arrive(shown(), alert("b", 2, { revision: 2, title: "new" }), OPEN, false);
    const late = arrive(amended, alert("b", 2, { revision: 1, title: "old" }), OPEN, false);
    expect(late.items[0]?.head.title).toBe("new");
  });
});

describe("an alert is decided", () => {
  it("and leaves the open list when nobody touches it", () => {
    expect(ids(arrive(shown(), decided(alert("b", 2)), OPEN, false))).toEqual(["a"]);
  });

  it("and stays in its place, marked, while a hand is on the list", () => {
    const held = arrive(shown(), decided(alert("b", 2)), OPEN, true);
    expect(ids(held)).toEqual(["b", "a"]);
    expect(held.leaving.has("b")).toBe(true);
    expect(ids(release(held, OPEN))).toEqual(["a"]);
  });

  it("and comes back when the decision is undone", () => {
    const left = arrive(shown(), decided(alert("b", 2)), OPEN, false);
    const again = alert("b", 2, { disposition: "reopened", reviewed_at: "2026-11-22T13:00:05Z" });
    expect(ids(arrive(left, again, OPEN, false))).toEqual(["b", "a"]);
  });

  it("and an older page of the server does not open it again", () => {
    const queue = arrive(shown(), decided(alert("b", 2)), OPEN, true);
    expect(load(queue, list(alert("b", 2), alert("a", 1)), OPEN, true).leaving.has("b")).toBe(true);
  });
});

describe("the server's list", () => {
  it("does not lose a message that is newer than it", () => {
    const queue = arrive(shown(), alert("c", 3), OPEN, false);
    expect(ids(load(queue, list(alert("b", 2), alert("a", 1)), OPEN, false))).toEqual(["c", "b", "a"]);
  });

  it("does not push what is new under a hand", () => {
    const queue = load(shown(), list(alert("c", 3), alert("b", 2), alert("a", 1)), OPEN, true);
    expect(ids(queue)).toEqual(["b", "a"]);
    expect(ids(release(queue, OPEN))).toEqual(["c", "b", "a"]);
  });

  it("takes out what another person has decided", () => {
    expect(ids(load(shown(), list(alert("a", 1)), OPEN, false))).toEqual(["a"]);
  });

  it("appends older pages", () => {
    const queue = load(shown(), list(alert("b", 2), alert("a", 1), alert("z", 0)), OPEN, true);
    expect(ids(queue)).toEqual(["b", "a", "z"]);
  });
});

it("next and previous skip what has left the list", () => {
  const queue = arrive(
    load(EMPTY, list(alert("c", 3), alert("b", 2), alert("a", 1)), OPEN, false),
    decided(alert("b", 2)),
    OPEN,
    true,
  );
  expect(neighbour(queue, "c", 1)?.head.alert_id).toBe("a");
  expect(neighbour(queue, "a", -1)?.head.alert_id).toBe("c");
  expect(neighbour(queue, "a", 1)).toBeUndefined();
  expect(neighbour(queue, undefined, 1)?.head.alert_id).toBe("c");
});

describe("alerts of one item", () => {
  const more = (id: string, minute: number, other: Partial<AlertSummary> = {}) =>
    alert(id, minute, { item_id: "a", ...other });
  const two = () => load(EMPTY, [...list(alert("b", 2)), item(more("a", 1), more("c", 0))], OPEN, false);

  it("join it when nobody touches the list, and bring it up", () => {
    expect(ids(arrive(two(), more("d", 3), OPEN, false))).toEqual(["d+a+c", "b"]);
  });

  it("wait while a hand is on the list, so that no row moves or grows", () => {
    const held = arrive(two(), more("d", 3), OPEN, true);
    expect(ids(held)).toEqual(["b", "a+c"]);
    expect(held.waiting.map((each) => each.alert_id)).toEqual(["d"]);
    expect(ids(release(held, OPEN))).toEqual(["d+a+c", "b"]);
  });

  it("are decided one by one: the item goes with the last of them", () => {
    const one = arrive(two(), decided(more("a", 1)), OPEN, true);
    expect(one.items.map((each) => hasLeft(one, each))).toEqual([false, false]);
    const both = arrive(one, decided(more("c", 0)), OPEN, true);
    expect(both.items.map((each) => hasLeft(both, each))).toEqual([false, true]);
    expect(ids(release(both, OPEN))).toEqual(["b"]);
  });

  it("keep the head that is shown while held; then the one that matters most leads", () => {
    const held = arrive(two(), more("c", 0, { revision: 1, expected_minor: 900 }), OPEN, true);
    expect(held.items[1]?.head.alert_id).toBe("a");
    expect(
      load(held, [item(more("c", 0, { revision: 1, expected_minor: 900 }), more("a", 1))], OPEN, false).items[0]?.head
        .alert_id,
    ).toBe("c");
  });

  it("that have moved to another item are put there once the list is free", () => {
    const moved = alert("b", 2, { item_id: "a" });
    expect(ids(arrive(two(), moved, OPEN, true))).toEqual(["b", "a+c"]);
    expect(ids(arrive(two(), moved, OPEN, false))).toEqual(["b+a+c"]);
    const parted = more("c", 0, { item_id: "c" });
    expect(ids(arrive(two(), parted, OPEN, false))).toEqual(["b", "a", "c"]);
  });

  it("wait too when a newer page has them", () => {
    const queue = load(two(), [...list(alert("b", 2)), item(more("d", 3), more("a", 1), more("c", 0))], OPEN, true);
    expect(ids(queue)).toEqual(["b", "a+c"]);
    expect(queue.waiting.map((each) => each.alert_id)).toEqual(["d"]);
  });
});

describe("the order by expected value", () => {
  const VALUE: QueueFilter = { state: "open", sort: "value" };
  const worth = (id: string, minute: number, minor: number) => alert(id, minute, { expected_minor: minor });

  it("puts what arrives where its value belongs", () => {
    const queue = load(EMPTY, list(worth("a", 1, 900), worth("b", 2, 100)), VALUE, false);
    expect(ids(arrive(queue, worth("c", 3, 500), VALUE, false))).toEqual(["a", "c", "b"]);
  });

  it("appends the next page under a hand, though it holds newer alerts", () => {
    const queue = load(EMPTY, list(worth("a", 1, 900)), VALUE, true);
    expect(ids(load(queue, list(worth("a", 1, 900), worth("b", 9, 100)), VALUE, true))).toEqual(["a", "b"]);
  });
});

it("an alert that is given to somebody else leaves the list of mine", () => {
  const mine: Wanted = { state: "open", assignee: "me", me: "anna" };
  const queue = load(EMPTY, list(alert("a", 1, { assignee: "anna" })), mine, false);
  expect(ids(arrive(queue, alert("a", 1, { assignee: "ben" }), mine, false))).toEqual([]);
});

it("a decision is about what is open; about all when all are decided", () => {
  const a = alert("a", 1);
  const b = decided(alert("b", 2));
  expect(due([a, b])).toEqual([a]);
  expect(due([b])).toEqual([b]);
});

it("one key decides all alerts of one receipt, and no receipt that nobody has looked at", () => {
  const [a, again, later, other] = [alert("a", 1), alert("b", 1), alert("c", 2), alert("d", 1, { register_id: "2" })];
  expect(sameReceipt([a, again])).toBe(true);
  expect(sameReceipt([a, again, later])).toBe(false);
  expect(sameReceipt([a, other])).toBe(false);
});
