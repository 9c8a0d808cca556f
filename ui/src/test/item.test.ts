import { describe, expect, it } from "vitest";
import type { AlertSummary } from "../api/types";
import { draftOf, keepDraft, onDraft } from "../lib/drafts";
import { decisions, decisionWords, spanOf, sumOf } from "../lib/item";

const alert = (at: string, rule: string, minor: number | null, more: Partial<AlertSummary> = {}) =>
  ({
    store_id: "17",
    register_id: "1",
    event_time: `2026-11-27T15:${at}Z`,
    rule_id: rule,
    amount_minor: minor,
    currency: minor === null ? null : "USD",
    disposition: null,
    ...more,
  }) as AlertSummary;

describe("what an item comes to", () => {
  it("adds up receipts, each once", () => {
    const sum = sumOf([
      alert("12:33", "drawer", null),
      alert("12:30", "refund", 399),
      alert("12:30", "self_approved", 399),
      alert("12:24", "refund", 233),
      alert("12:20", "refund", 399),
    ]);
    expect(sum).toEqual({ minor: 1031, currency: "USD", receipts: 3 });
  });

  it("takes the larger amount of a receipt, and the same money at two times once", () => {
    expect(sumOf([alert("01:00", "override", 100), alert("01:00", "refund", 900)])?.minor).toBe(900);
    const sum = sumOf([alert("01:00", "post_void", 2200), alert("01:45", "void_followed_by_no_sale", 2200)]);
    expect(sum).toEqual({ minor: 2200, currency: "USD", receipts: 1 });
  });

  it("says nothing where it cannot be known", () => {
    expect(sumOf([alert("01:00", "drawer", null)])).toBeNull();
    expect(sumOf([alert("01:00", "a", 1), alert("02:00", "a", 1, { currency: "CAD" })])).toBeNull();
  });

  it("goes from its first to its last alert", () => {
    const { from, to } = spanOf([alert("12:33", "a", 1), alert("12:19", "a", 1), alert("12:26", "a", 1)]);
    expect([from, to]).toEqual(["2026-11-27T15:12:19Z", "2026-11-27T15:12:33Z"]);
  });

  it("names the gravest decision first", () => {
    const of = (disposition: AlertSummary["disposition"]) => alert("01:00", "a", 1, { disposition });
    const made = decisions([of(null), of("policy"), of("reopened"), of("confirmed")]);
    expect(made.map(decisionWords)).toEqual(["1 confirmed loss", "1 policy", "2 open"]);
    expect(decisions([of("policy"), of("policy")])).toHaveLength(1);
  });
});

describe("a note that is not sent yet", () => {
  it("is kept for each person and alert until it is forgotten", () => {
    const kept = new Map<string, string>();
    globalThis.sessionStorage = {
      getItem: (key: string) => kept.get(key) ?? null,
      setItem: (key: string, value: string) => kept.set(key, value),
      removeItem: (key: string) => kept.delete(key),
    } as unknown as Storage;
    let told = 0;
    const stop = onDraft(() => told++);
    keepDraft("lena", "a", "look");
    expect([draftOf("lena", "a"), draftOf("lena", "b"), draftOf("maria", "a")]).toEqual(["look", "", ""]);
    keepDraft("lena", "a", "");
    expect([draftOf("lena", "a"), kept.size, told]).toEqual(["", 0, 2]);
    stop();
  });
});
