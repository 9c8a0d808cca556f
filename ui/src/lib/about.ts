// Which lines of a receipt an alert is about.
import type { Fact, Line } from "../api/types";

// By what the rule looks at. None where that is the whole receipt: then no line is more than another.
export function linesAbout(rule: string, facts: Fact[], lines: Line[]): number[] {
  const item = facts.find((each) => each.name === "item")?.value;
  const is = (line: Line): boolean => {
    if (rule.includes("override")) return line.price_override;
    if (rule.includes("void")) return line.action === "VOID";
    if (rule.includes("refund")) return line.action === "RETURN";
    return false;
  };
  const found = lines.filter(is);
  const named = item === undefined ? [] : found.filter((each) => each.description === item);
  const about = named.length > 0 ? named : found;
  return about.length === lines.length && lines.length > 1 ? [] : about.map((each) => each.line_no);
}
