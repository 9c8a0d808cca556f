import { expect, test } from "vitest";
import { hoursInWords, hoursOfDay } from "../lib/hours";

const ZONE = "America/Chicago";

test("hours follow the business day, and exceptions stand where they happened in the store", () => {
  const hours = hoursOfDay(
    {
      // 4:00 in the store.
      from: "2026-11-22T10:00:00Z",
      hours: [
        { hour: 12, transactions: 30 },
        { hour: 1, transactions: 2 },
      ],
      exceptions: [
        { event_time: "2026-11-22T18:10:00Z" },
        { event_time: "2026-11-22T18:59:59Z" },
        { event_time: "2026-11-23T07:30:00Z" },
      ],
    },
    ZONE,
  );
  expect(hours.map((each) => each.hour)).toEqual([...Array(20).keys()].map((at) => at + 4).concat([0, 1, 2, 3]));
  expect(hours[8]).toEqual({ hour: 12, transactions: 30, exceptions: 2 });
  expect(hours[21]).toEqual({ hour: 1, transactions: 2, exceptions: 1 });
  expect(hoursInWords(hours)).toBe(
    "32 transactions by the hour; most from 12:00 to 13:00, 30. Exceptions: 2 from 12:00 to 13:00, 1 from 01:00 to 02:00.",
  );
});

test("a day without exceptions says nothing of them", () => {
  const hours = hoursOfDay(
    { from: "2026-11-22T06:00:00Z", hours: [{ hour: 23, transactions: 1 }], exceptions: [] },
    ZONE,
  );
  expect(hours[0]?.hour).toBe(0);
  expect(hoursInWords(hours)).toBe("1 transaction by the hour; most from 23:00 to 00:00, 1.");
});
