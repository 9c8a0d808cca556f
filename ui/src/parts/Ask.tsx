// What one can ask of the search: some examples, and every field there is.
import { Link } from "@tanstack/react-router";

const EXAMPLES: [string, string][] = [
  ["type:refund amount:>10", "Refunds above 10"],
  ["no:customer last:7d", "Nobody at the counter, last 7 days"],
  ["is:open rule:refund_no_customer", "Open alerts of one rule"],
  ["type:no_sale register:1", "Drawer opened without a sale"],
];

const FIELDS: [string[], string][] = [
  [
    ["milk", "mil*", '"whole milk"', "-bread"],
    "words on the receipt: whole, by their beginning, in this order, not there",
  ],
  [["type:refund,void"], "what was rung; values with a comma between are alternatives, in any field"],
  [["amount:27.27", "amount:>50", "amount:10..20"], "the total"],
  [["op:1042", "store:17", "register:1"], "who, and where (till: is the same as register:)"],
  [["receipt:", "gtin:"], "a receipt’s number, an item’s number (plu: is the same as gtin:)"],
  [["rule:refund_no_customer", "severity:high"], "alerts of a rule, or of a severity"],
  [["no:customer", "has:customer", "customer:unknown"], "whether somebody was at the counter"],
  [["has:alert", "is:receipt", "is:alert"], "receipts with an alert; only receipts; only alerts"],
  [["is:open", "is:closed", "decided:confirmed"], "what was decided"],
  [["is:standing", "is:amended", "is:retracted"], "whether later data changed an alert or took it back"],
  [["is:replaced"], "receipts that a correction replaces; they are left out otherwise"],
  [["last:24h", "last:7d", "on:2026-11-22"], "when; days are those of the store"],
  [["from:2026-11-20", "to:2026-11-22", "from:2026-11-22T16:20"], "from and to a day, or a minute"],
];

// `operator` is somebody whose receipts there are.
export function Examples({ operator }: { operator?: string }) {
  const all: [string, string][] = operator
    ? [...EXAMPLES, [`op:${operator} last:28d`, "All of one operator, last 28 days"]]
    : EXAMPLES;
  return (
    <ul className="plain">
      {all.map(([example, text]) => (
        <li key={example}>
          <Link to="/search" search={{ q: example }}>
            <code>{example}</code>
          </Link>{" "}
          {text}
        </li>
      ))}
    </ul>
  );
}

export function Fields() {
  return (
    <>
      <p>All that can be asked for, together in any order:</p>
      <dl className="ask">
        {FIELDS.map(([examples, text]) => (
          <div key={text}>
            <dt>
              {examples.map((each) => (
                <code key={each}>{each}</code>
              ))}
            </dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
