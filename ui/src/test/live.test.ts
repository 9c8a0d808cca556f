import { describe, expect, it } from "vitest";
import type { QueueFilter } from "../api/queries";
import type { AlertSummary } from "../api/types";
import { arrive, EMPTY, load, neighbour, type Queue, release } from "../lib/live";

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
    ...more,
  };
}

const decided = (of: AlertSummary, at = "2026-11-22T13:00:00Z"): AlertSummary => ({
  ...of,
  disposition: "no_issue",
  reviewed_by: "anna",
  reviewed_at: at,
});
const ids = (queue: Queue) => queue.items.map((each) => each.alert_id);
const shown = () => load(EMPTY, [alert("b", 2), alert("a", 1)], OPEN, false);

describe("an alert arrives", () => {
  it("on top when nobody touches the list", () => {
    expect(ids(arrive(shown(), alert("c", 3), OPEN, false))).toEqual(["c", "b", "a"]);
  });

  it("behind the button while a hand is on the list, and on top when it is let in", () => {
    const held = arrive(arrive(shown(), alert("c", 3), OPEN, true), alert("d", 4), OPEN, true);
    expect(ids(held)).toEqual(["b", "a"]);
    expect(held.waiting.map((each) => each.alert_id)).toEqual(["d", "c"]);
    expect(ids(release(held))).toEqual(["d", "c", "b", "a"]);
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
    expect(late.items[0]?.title).toBe("new");
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
    expect(ids(release(held))).toEqual(["a"]);
  });

  it("and comes back when the decision is undone", () => {
    const left = arrive(shown(), decided(alert("b", 2)), OPEN, false);
    const again = alert("b", 2, { disposition: "reopened", reviewed_at: "2026-11-22T13:00:05Z" });
    expect(ids(arrive(left, again, OPEN, false))).toEqual(["b", "a"]);
  });

  it("and an older page of the server does not open it again", () => {
    const queue = arrive(shown(), decided(alert("b", 2)), OPEN, true);
    expect(load(queue, [alert("b", 2), alert("a", 1)], OPEN, true).leaving.has("b")).toBe(true);
  });
});

describe("the server's list", () => {
  it("does not lose a message that is newer than it", () => {
    const queue = arrive(shown(), alert("c", 3), OPEN, false);
    expect(ids(load(queue, [alert("b", 2), alert("a", 1)], OPEN, false))).toEqual(["c", "b", "a"]);
  });

  it("does not push what is new under a hand", () => {
    const queue = load(shown(), [alert("c", 3), alert("b", 2), alert("a", 1)], OPEN, true);
    expect(ids(queue)).toEqual(["b", "a"]);
    expect(ids(release(queue))).toEqual(["c", "b", "a"]);
  });

  it("takes out what another person has decided", () => {
    expect(ids(load(shown(), [alert("a", 1)], OPEN, false))).toEqual(["a"]);
  });

  it("appends older pages", () => {
    const queue = load(shown(), [alert("b", 2), alert("a", 1), alert("z", 0)], OPEN, true);
    expect(ids(queue)).toEqual(["b", "a", "z"]);
  });
});

it("next and previous skip what has left the list", () => {
  const queue = arrive(
    load(EMPTY, [alert("c", 3), alert("b", 2), alert("a", 1)], OPEN, false),
    decided(alert("b", 2)),
    OPEN,
    true,
  );
  expect(neighbour(queue, "c", 1)?.alert_id).toBe("a");
  expect(neighbour(queue, "a", -1)?.alert_id).toBe("c");
  expect(neighbour(queue, "a", 1)).toBeUndefined();
  expect(neighbour(queue, undefined, 1)?.alert_id).toBe("c");
});
