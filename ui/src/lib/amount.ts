// Money as typed, in a currency: to minor units, and back into a box.

// Currencies whose minor unit is not the hundredth (ISO 4217). A browser's own table is about what people pay in, and
// has none for the forint, of which tills write hundredths.
const NONE = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE = "BHD IQD JOD KWD LYD OMR TND";

export function digitsOf(currency: string): number {
  const code = currency.toUpperCase();
  return NONE.split(" ").includes(code) ? 0 : THREE.split(" ").includes(code) ? 3 : 2;
}

// 123450 → "1234.50"
export function amountText(minor: number | null, currency: string): string {
  if (minor === null) return "";
  return (minor / 10 ** digitsOf(currency)).toFixed(digitsOf(currency));
}

export type Amount = { minor: number | null; wrong: null } | { minor: null; wrong: string };

const wrong = (text: string): Amount => ({ minor: null, wrong: text });

// "1,234.50", "$1234.5", "12,50", "1 234" → minor units. Nothing typed is no amount; what is not clear is refused.
export function readAmount(typed: string, currency: string): Amount {
  const digits = digitsOf(currency);
  const example = amountText(123_450, currency);
  const bare = typed.replace(/[\s'_\p{Sc}]/gu, "").replace(new RegExp(`^${currency}|${currency}$`, "i"), "");
  if (bare === "")
    return typed.trim() === "" ? { minor: null, wrong: null } : wrong(`Write an amount like ${example}.`);
  if (/^[-−]/.test(bare)) return wrong("An amount is not below zero.");
  if (!/^\d[\d.,]*$/.test(bare)) return wrong(`Write an amount like ${example}.`);
  const marks = bare.replace(/\d/g, "");
  const last = Math.max(bare.lastIndexOf("."), bare.lastIndexOf(","));
  const after = bare.length - last - 1;
  // One mark alone parts the decimals, unless it is a comma before three digits; of two kinds the last one does.
  const both = marks.includes(".") && marks.includes(",");
  const decimals = last >= 0 && (both || (marks.length === 1 && !(marks === "," && after === 3 && digits !== 3)));
  const whole = decimals ? bare.slice(0, last) : bare;
  const rest = decimals ? bare.slice(last + 1) : "";
  if (rest.length > digits) {
    return wrong(
      digits === 0 ? `${currency} has no decimals.` : `${currency} has ${digits} decimals, not ${rest.length}.`,
    );
  }
  if (decimals && rest === "") return wrong(`Write an amount like ${example}.`);
  const groups = whole.split(/[.,]/);
  const grouped =
    groups.length === 1 || (groups.slice(1).every((each) => each.length === 3) && /^\d{1,3}$/.test(groups[0] ?? ""));
  if (!grouped || new Set(whole.replace(/\d/g, "")).size > 1)
    return wrong(`It is not clear what ${typed.trim()} is. Write it like ${example}.`);
  const minor = Number(groups.join("") + rest.padEnd(digits, "0"));
  return Number.isSafeInteger(minor) ? { minor, wrong: null } : wrong("That is more than can be counted.");
}
