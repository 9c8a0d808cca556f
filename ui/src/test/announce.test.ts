import { beforeEach, expect, it } from "vitest";
import { announce } from "../api/live";
import { alertQuery, client } from "../api/queries";
import type { AlertDetail, AlertSummary } from "../api/types";

const alert = (id: string, more: Partial<AlertSummary> = {}) =>
  ({
    alert_id: id,
    item_id: "a",
    revision: 0,
    reviewed_at: null,
    assignee: null,
    disposition: null,
    ...more,
  }) as AlertSummary;
const detail = (id: string, ...members: AlertSummary[]) =>
  ({ ...alert(id), item: { item_id: "a", members } }) as unknown as AlertDetail;
const known = (id: string) => client.getQueryData<AlertDetail>(alertQuery(id).queryKey);
const stale = (id: string) => client.getQueryState(alertQuery(id).queryKey)?.isInvalidated;

beforeEach(() => {
  client.clear();
  for (const id of ["a", "b"]) client.setQueryData(alertQuery(id).queryKey, detail(id, alert("a"), alert("b")));
});

it("a decision is known on the page of the alert, and on those of the others of its item", () => {
  announce(alert("a", { disposition: "policy", reviewed_at: "2026-11-22T12:00:00Z" }));
  expect(known("a")?.disposition).toBe("policy");
  expect(known("b")?.item.members.map((each) => each.disposition)).toEqual(["policy", null]);
  expect(known("b")?.disposition).toBeNull();
  expect([stale("a"), stale("b")]).toEqual([true, false]);
});

it("an alert that joins an item or leaves it makes the server be asked", () => {
  announce(alert("c"));
  expect([stale("a"), stale("b")]).toEqual([true, true]);
});

it("an alert of another item changes nothing", () => {
  announce(alert("c", { item_id: "c" }));
  expect([stale("a"), stale("b")]).toEqual([false, false]);
});
