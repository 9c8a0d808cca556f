import { describe, expect, it } from "vitest";
import type { Line } from "../api/types";
import { linesAbout } from "../lib/about";

const line = (line_no: number, description: string, more: Partial<Line> = {}) =>
  ({ line_no, description, action: "SALE", price_override: false, ...more }) as Line;

describe("the lines that an alert is about", () => {
  const lines = [
    line(1, "MILK"),
    line(2, "GASOLINE", { price_override: true }),
    line(3, "SOAP", { price_override: true }),
    line(4, "TEA", { action: "VOID" }),
    line(5, "CAP", { action: "RETURN" }),
  ];

  it("are those that the rule looks at", () => {
    expect(linesAbout("price_override_deep", [{ name: "item", value: "GASOLINE" }], lines)).toEqual([2]);
    expect(linesAbout("price_override_deep", [], lines)).toEqual([2, 3]);
    expect(linesAbout("void_followed_by_no_sale", [], lines)).toEqual([4]);
    expect(linesAbout("refund_no_customer", [], lines)).toEqual([5]);
  });

  it("are none where the receipt as a whole is meant", () => {
    expect(linesAbout("cancel_burst", [], lines)).toEqual([]);
    const given = [line(1, "CAP", { action: "RETURN" }), line(2, "TEA", { action: "RETURN" })];
    expect(linesAbout("refund_no_customer", [], given)).toEqual([]);
    expect(linesAbout("refund_no_customer", [], given.slice(0, 1))).toEqual([1]);
  });
});
