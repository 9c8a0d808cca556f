import { describe, expect, it } from "vitest";
import { amountText, readAmount } from "../lib/amount";
import { type CaseFields, changedFields, patchOf } from "../lib/casedraft";
import { money } from "../lib/words";

const minor = (typed: string, currency = "USD") => readAmount(typed, currency).minor;
const wrong = (typed: string, currency = "USD") => readAmount(typed, currency).wrong;

describe("an amount as typed", () => {
  it("is read in minor units of its currency", () => {
    expect(minor("12")).toBe(1200);
    expect(minor("12.5")).toBe(1250);
    expect(minor("0")).toBe(0);
    expect(minor("$1,234.50")).toBe(123_450);
    expect(minor("1 234,50 EUR", "EUR")).toBe(123_450);
    expect(minor("1.234,50", "EUR")).toBe(123_450);
    expect(minor("12,50")).toBe(1250);
    expect(minor("1,234")).toBe(123_400);
    expect(minor("1,234,567.89")).toBe(123_456_789);
    expect(minor("1234", "JPY")).toBe(1234);
    expect(minor("1.234", "KWD")).toBe(1234);
  });

  it("that is not there is no amount", () => {
    expect(readAmount("  ", "USD")).toEqual({ minor: null, wrong: null });
  });

  it("that is not clear is refused, with an example", () => {
    expect(wrong("12.345")).toMatch(/2 decimals/);
    expect(wrong("12.5", "JPY")).toMatch(/no decimals/);
    expect(wrong("-3")).toMatch(/below zero/);
    expect(wrong("about 20")).toMatch(/1234\.50/);
    expect(wrong("12.")).toMatch(/1234\.50/);
    expect(wrong("1,23,456")).toMatch(/not clear/);
    expect(wrong("$")).toMatch(/1234\.50/);
    expect(wrong("999999999999999999")).toMatch(/more than/);
  });

  it("comes back as it is typed", () => {
    expect(amountText(123_450, "USD")).toBe("1234.50");
    expect(amountText(1234, "JPY")).toBe("1234");
    expect(amountText(null, "USD")).toBe("");
    for (const each of [0, 5, 99, 123_456]) expect(minor(amountText(each, "USD"))).toBe(each);
  });
});

describe("an amount as shown", () => {
  it("has as many decimals as its minor unit, whatever people pay in", () => {
    expect(money(3000, "JPY")).toBe("¥3,000");
    expect(money(3000, "USD")).toBe("$30.00");
    expect(money(3000, "KWD")).toBe("KWD\u00a03.000");
    // A browser writes forints and dinars of Iraq without decimals, and would show the hundredfold.
    expect(money(3000, "HUF")).toBe("HUF\u00a030.00");
    expect(money(3000, "IQD")).toBe("IQD\u00a03.000");
  });

  it("is in minor units where nobody said in which currency", () => {
    expect(money(3000, null)).toBe("3000 minor units");
    expect(money(null, "USD")).toBe("");
  });
});

describe("what is typed into a case", () => {
  const now: CaseFields = {
    title: "Refunds",
    status: "new",
    owner: null,
    loss_minor: null,
    recovered_minor: null,
    summary_text: "",
    revision: 3,
  };

  it("is saved as far as it differs, with the revision it was made on", () => {
    expect(patchOf({ title: "Refunds ", loss: "12.30" }, now, "USD").patch).toEqual({
      revision: 3,
      loss_minor: 1230,
      currency: "USD",
    });
    expect(patchOf({ title: "Refunds" }, now, "USD").patch).toBeNull();
  });

  it("resolved needs a loss, and none is one", () => {
    expect(patchOf({ status: "resolved" }, now, "USD").wrong.loss).toMatch(/0 is an answer/);
    expect(patchOf({ status: "resolved", loss: "0" }, now, "USD").patch).toMatchObject({
      status: "resolved",
      loss_minor: 0,
    });
    expect(patchOf({ status: "resolved" }, { ...now, loss_minor: 5 }, "USD").patch).toMatchObject({
      status: "resolved",
    });
  });

  it("a wrong amount is not saved", () => {
    expect(patchOf({ loss: "x" }, now, "USD").patch).toBeNull();
  });

  it("others' changes are named by field", () => {
    expect(changedFields(now, { ...now, revision: 4, status: "confirmed", loss_minor: 0 })).toEqual(["status", "loss"]);
  });
});
