// The words of a search as text: adding and removing a field, and the state of a page in its address.
import type { FacetName } from "../api/types";

export const FIELD: Record<FacetName, string> = {
  rule: "rule",
  type: "type",
  store: "store",
  register: "register",
  operator: "op",
  disposition: "is",
};

function quoted(value: string): string {
  return /[\s"]/.test(value) ? `"${value.replace(/"/g, '\\"')}"` : value;
}

// The query in words: free words, quoted phrases and fields, as typed.
export function terms(query: string): string[] {
  return query.match(/[^\s"]*"(?:\\.|[^"\\])*"?|[^\s"]+/g) ?? [];
}

export function term(facet: FacetName, value: string): string {
  return `${FIELD[facet]}:${quoted(value.toLowerCase() === value || facet !== "type" ? value : value.toLowerCase())}`;
}

export function hasTerm(query: string, wanted: string): boolean {
  return terms(query).includes(wanted);
}

// Adds a field, replacing another value of the same field, or takes it out when it is there.
export function toggleTerm(query: string, wanted: string): string {
  const all = terms(query);
  if (all.includes(wanted)) return all.filter((each) => each !== wanted).join(" ");
  const field = wanted.slice(0, wanted.indexOf(":") + 1);
  return [...all.filter((each) => !each.startsWith(field)), wanted].join(" ");
}

// What is asked for when a sum of money alone was typed: words are looked for in texts, where no amount stands.
export function asAmount(query: string): string | null {
  const found = /^[$€£]?\s*(\d[\d,]*(?:\.\d{1,2})?)$/.exec(query.trim());
  return found?.[1] ? `amount:${found[1].replace(/,/g, "")}` : null;
}

// The stores that a query is limited to.
export function storesOf(query: string): string[] {
  return terms(query).flatMap((each) =>
    each.startsWith("store:") ? each.slice(6).replace(/"/g, "").split(",").filter(Boolean) : [],
  );
}

// Addresses carry plain text, one value a name: readable, and the same for whoever opens them.
export function parseAddress(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function writeAddress(state: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(state)) {
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

// The server's excerpt: text with <mark> and the five escapes. Taken apart here, so that nothing is ever parsed as HTML.
export function snippet(html: string): { text: string; marked: boolean }[] {
  const parts: { text: string; marked: boolean }[] = [];
  let marked = false;
  for (const piece of html.split(/(<\/?mark>)/)) {
    if (piece === "<mark>") marked = true;
    else if (piece === "</mark>") marked = false;
    else if (piece !== "") parts.push({ text: plain(piece), marked });
  }
  return parts;
}

const ESCAPES: Record<string, string> = { lt: "<", gt: ">", amp: "&", quot: '"', "#39": "'", "#x27": "'", "#x2F": "/" };

function plain(text: string): string {
  return text.replace(/&([a-z]+|#x?[0-9a-fA-F]+);/g, (whole, name: string) => ESCAPES[name] ?? whole);
}
