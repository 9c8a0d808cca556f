// What the page of feeds says in words, and a look at a pasted record before it is sent.
import type { Lag, NumberSpan, Reject, Token, TokenDraft, TokenKind } from "../api/integrator";
import { duration } from "./time";

export const TOKEN_KINDS: Record<TokenKind, { name: string; may: string }> = {
  integrator: {
    name: "Integrator",
    may: "A till system sends records of the stores ticked here. It reads only its own feed.",
  },
  sql: { name: "SQL", may: "A person's programs (BI, notebooks) ask in SQL what that person may see." },
  person: { name: "HTTP", may: "A person's scripts ask over HTTP what that person may see and do." },
  metrics: { name: "Metrics", may: "Prometheus reads the metrics of this installation." },
};

const TOKEN_NAME = /^[a-z0-9_-]{1,40}$/;

export function tokenFaults(
  form: TokenDraft,
  some: readonly string[] | null,
): Partial<Record<keyof TokenDraft, string>> {
  const faults: Partial<Record<keyof TokenDraft, string>> = {};
  if (form.kind !== "metrics" && !form.owner) faults.owner = "Choose whose it is.";
  if (!TOKEN_NAME.test(form.name))
    faults.name = "1 to 40 small letters, digits, “-” or “_”: what it is for, such as till-room.";
  if (form.kind === "integrator" && some?.length === 0) faults.stores = "Tick at least one store, or all of them.";
  return faults;
}

// The log-in that a token will have.
export function loginOf(form: TokenDraft): string {
  if (form.kind === "metrics") return `metrics.${form.name}`;
  return `${form.owner ?? ""}.${form.kind === "person" ? "http." : ""}${form.name}`;
}

// How a program sends it.
export function tokenUse(token: Token, host: string): string {
  if (token.kind === "sql") return `psql -h ${host} -p 5433 -U ${token.login} tillsight`;
  const path =
    token.kind === "integrator" ? "/api/v1/pos/transactions" : token.kind === "metrics" ? "/metrics" : "/api/v1/alerts";
  return `curl -H "Authorization: Bearer $SECRET"${token.kind === "integrator" ? " -d @record.json" : ""} ${path}`;
}

export function lagWords(lag: Lag | null): string {
  if (!lag) return "not measured";
  const usual = behind(lag.p50_ms);
  return lag.p95_ms <= lag.p50_ms ? usual : `${usual}; 5 in 100 more than ${milli(lag.p95_ms)}`;
}

// 3.2 s behind; a till whose clock is fast says things before they happen here.
function behind(ms: number): string {
  return ms < 0 ? `${milli(-ms)} ahead: the till’s clock is fast` : `${milli(ms)} behind`;
}

// 6–8, 11
export function spansWords(spans: readonly NumberSpan[], most = 12): string {
  const shown = spans
    .slice(0, most)
    .map(({ first, last }) => (first === last ? String(first) : `${first}–${last}`))
    .join(", ");
  return spans.length > most ? `${shown} and ${spans.length - most} more` : shown;
}

// 640 ms, 3.2 s, 5 min; before zero the till's clock is ahead.
export function milli(ms: number): string {
  const size = Math.abs(ms);
  const sign = ms < 0 ? "−" : "";
  if (size < 1000) return `${sign}${Math.round(size)} ms`;
  if (size < 60_000) return `${sign}${(size / 1000).toFixed(1)} s`;
  return `${sign}${duration(size / 1000)}`;
}

export type Part = { text: string; marked: boolean };

// The text of a record with the places that JSON pointers name marked: the key's line where it is an object's field.
export function marked(reject: Pick<Reject, "text" | "problems">): Part[] {
  let pretty = reject.text;
  try {
    pretty = JSON.stringify(JSON.parse(reject.text), null, 2);
  } catch {
    // As it came.
  }
  const lines = pretty.split("\n");
  const wrong = new Set(reject.problems.map((each) => each.pointer).filter((each) => each !== ""));
  const places = pointers(lines);
  return lines.map((text, at) => ({ text, marked: wrong.has(places[at] ?? "") }));
}

// The JSON pointer of each line of a document as JSON.stringify indents it.
function pointers(lines: readonly string[]): string[] {
  const found: string[] = [];
  const stack: { path: string; index: number | null }[] = [];
  for (const line of lines) {
    const text = line.trim();
    const top = stack.at(-1);
    if (/^[}\]]/.test(text)) {
      stack.pop();
      found.push("");
      continue;
    }
    const key = /^"((?:[^"\\]|\\.)*)":/.exec(text)?.[1];
    let path = "";
    if (top) {
      const step = top.index === null ? (key ?? "") : String(top.index++);
      path = `${top.path}/${step.replace(/~/g, "~0").replace(/\//g, "~1")}`;
    }
    found.push(path);
    const opens = /([{[])$/.exec(text)?.[1];
    if (opens) stack.push({ path, index: opens === "[" ? 0 : null });
  }
  return found;
}

// What a pasted text is: one document, or one a line; or why it is neither.
export function readRecords(text: string): { lines: boolean; count: number; fault: string | null } {
  const clean = text.trim();
  if (clean === "") return { lines: false, count: 0, fault: null };
  try {
    const value: unknown = JSON.parse(clean);
    return { lines: false, count: Array.isArray(value) ? value.length : 1, fault: null };
  } catch (error) {
    const rows = clean.split("\n").filter((each) => each.trim() !== "");
    const bad = rows.findIndex((each) => !isJson(each));
    if (rows.length > 1 && bad < 0) return { lines: true, count: rows.length, fault: null };
    const why = error instanceof Error ? error.message : String(error);
    return { lines: false, count: 0, fault: `This is not JSON: ${why}` };
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

export const EXAMPLE = `{
  "store_id": "17",
  "register_id": "4",
  "kind": "SALE",
  "event_time_raw": "2026-11-26T14:03:22-06:00",
  "operator_id": "1042",
  "sequence_no": 88123,
  "receipt_no": "88123",
  "currency": "USD",
  "total_minor": 1299,
  "lines": [
    {
      "line_no": 1,
      "action": "SALE",
      "description": "Coffee beans 1 kg",
      "qty_milli": 1000,
      "unit_price_minor": 1299,
      "extended_minor": 1299
    }
  ]
}`;
