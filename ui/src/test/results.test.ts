import { expect, it } from "vitest";
import type { Bucket, Hit, SearchPage } from "../api/types";
import { Results } from "../lib/results";

const COUNT = 100_000;
const STEP = 170_000;
const END = Date.parse("2026-11-22T12:00:00Z");
const PAGE = 200;
const iso = (at: number) => new Date(at).toISOString();
const at = (row: number) => iso(END - (row + 1) * STEP);

function hit(row: number): Hit {
  return { id: String(row), event_time: at(row) } as Hit;
}

// A server with so many hits, newest first, that counts them in a few dozen stretches.
function server() {
  let requests = 0;
  const find = (from?: string, to?: string, cursor = ""): SearchPage => {
    // Row by time, without looking at each.
    const bound = (row: number) => Math.min(COUNT, Math.max(0, row));
    const low = to ? bound(Math.floor((END - Date.parse(to)) / STEP)) : 0;
    const high = from ? bound(Math.floor((END - Date.parse(from)) / STEP)) : COUNT;
    const rows = Array.from({ length: Math.max(0, high - low) }, (_, index) => low + index);
    const start = Number(cursor || 0);
    const first = END - high * STEP;
    const last = END - (low + 1) * STEP;
    const width = Math.max(300_000, Math.ceil((last - first + 1) / 59));
    const histogram: Bucket[] = [];
    for (let edge = first; edge <= last; edge += width) {
      histogram.push({ start_at: iso(edge), end_at: iso(edge + width), alerts: 0, receipts: 0 });
    }
    for (const each of rows) {
      const bucket = histogram[Math.floor((END - (each + 1) * STEP - first) / width)];
      if (bucket) bucket.receipts += 1;
    }
    const next = start + PAGE < rows.length ? String(start + PAGE) : null;
    return {
      items: rows.slice(start, start + PAGE).map(hit),
      total: rows.length,
      histogram,
      next_cursor: next,
    } as SearchPage;
  };
  const results = new Results(find(), {}, async ({ from, to }, cursor) => {
    requests += 1;
    return find(from, to, cursor);
  });
  return { results, requests: () => requests };
}

async function there(results: Results, first: number, last: number): Promise<void> {
  results.want(first, last);
  for (let turn = 0; turn < 1000 && !(results.at(first) && results.at(last)); turn++) await Promise.resolve();
}

it("knows its length and its first rows at once", () => {
  const { results } = server();
  expect(results.length).toBe(COUNT);
  expect(results.at(0)?.id).toBe("0");
  expect(results.at(50_000)).toBeUndefined();
});

it("has the end of 100,000 hits after a few requests, and the very rows", async () => {
  const { results, requests } = server();
  await there(results, COUNT - 20, COUNT - 1);
  expect(results.at(COUNT - 1)?.id).toBe(String(COUNT - 1));
  expect(results.at(COUNT - 20)?.id).toBe(String(COUNT - 20));
  expect(requests()).toBeLessThanOrEqual(4);
  await there(results, 61_234, 61_260);
  expect(results.at(61_234)?.id).toBe("61234");
  expect(results.at(61_260)?.id).toBe("61260");
  expect(results.length).toBe(COUNT);
});

it("goes on row by row without a hole", async () => {
  const { results } = server();
  for (let row = 0; row < 2000; row += 25) {
    await there(results, row, row + 30);
    expect(results.at(row)?.id).toBe(String(row));
    expect(results.at(row + 30)?.id).toBe(String(row + 30));
  }
});

it("says what failed, and tries again when asked", async () => {
  const page = { items: [hit(0)], total: 3, histogram: [], next_cursor: "1" } as unknown as SearchPage;
  let broken = true;
  const results = new Results(page, {}, async () => {
    if (broken) throw new Error("gone");
    return { items: [hit(1), hit(2)], total: 3, histogram: [], next_cursor: null } as unknown as SearchPage;
  });
  results.want(0, 2);
  await new Promise((done) => setTimeout(done));
  expect(results.failed).toBeInstanceOf(Error);
  broken = false;
  results.retry();
  await there(results, 0, 2);
  expect(results.failed).toBeNull();
  expect(results.at(2)?.id).toBe("2");
});

it("a stretch that has grown or shrunk meanwhile changes the length only", async () => {
  const page = { items: [hit(0)], total: 3, histogram: [], next_cursor: "1" } as unknown as SearchPage;
  const results = new Results(page, {}, async () => {
    return { items: [hit(1)], total: 2, histogram: [], next_cursor: null } as unknown as SearchPage;
  });
  results.want(0, 2);
  await new Promise((done) => setTimeout(done));
  expect(results.length).toBe(2);
});
