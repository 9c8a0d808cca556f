import { describe, expect, it } from "vitest";
import {
  asAmount,
  hasTerm,
  parseAddress,
  snippet,
  storesOf,
  term,
  terms,
  toggleTerm,
  writeAddress,
} from "../lib/search";

describe("a query", () => {
  it("is taken apart at spaces, but not within quotes", () => {
    expect(terms('milk "razor blades" op:1042  rule:"two words"')).toEqual([
      "milk",
      '"razor blades"',
      "op:1042",
      'rule:"two words"',
    ]);
  });

  it("may be an amount alone", () => {
    expect(asAmount("27.27")).toBe("amount:27.27");
    expect(asAmount(" $1,234.50 ")).toBe("amount:1234.50");
    expect([asAmount("milk"), asAmount("27.27 milk"), asAmount("17.1.20261127.38228"), asAmount("")]).toEqual([
      null,
      null,
      null,
      null,
    ]);
  });

  it("says which stores it is limited to", () => {
    expect(storesOf("milk store:17")).toEqual(["17"]);
    expect(storesOf('store:17,42 -store:3 "store:9"')).toEqual(["17", "42"]);
  });

  it("takes a field from a facet, and gives it back at the second click", () => {
    const once = toggleTerm("milk", term("operator", "1042"));
    expect(once).toBe("milk op:1042");
    expect(hasTerm(once, "op:1042")).toBe(true);
    expect(toggleTerm(once, "op:1042")).toBe("milk");
  });

  it("has one value of a field: another click replaces it", () => {
    expect(toggleTerm("type:return amount:>50", term("type", "NO_SALE"))).toBe("amount:>50 type:no_sale");
  });

  it("quotes values with spaces", () => {
    expect(term("store", "High Street")).toBe('store:"High Street"');
  });
});

describe("an address", () => {
  it("survives there and back, with everything a query may hold", () => {
    const state = {
      q: 'type:return amount:>50 "a & b" 100% é',
      from: "2026-11-01T05:00:00Z",
      to: "2026-11-02T05:00:00Z",
    };
    expect(parseAddress(writeAddress(state))).toEqual(state);
  });

  it("keeps numbers as text and leaves out what is empty", () => {
    expect(parseAddress("?q=123")).toEqual({ q: "123" });
    expect(writeAddress({ q: "", from: undefined })).toBe("");
  });
});

it("an excerpt is taken apart, and markup in it stays text", () => {
  expect(snippet("a <mark>b&amp;c</mark> &lt;img src=x&gt; <b>d</b>")).toEqual([
    { text: "a ", marked: false },
    { text: "b&c", marked: true },
    { text: " <img src=x> <b>d</b>", marked: false },
  ]);
});
