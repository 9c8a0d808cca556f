// Rules: their numbers, and what a store says otherwise: each with a reason and an end.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { rulesQuery } from "../api/queries";
import type { Rule } from "../api/rule";
import { adjustmentsQuery, endAdjustment, type SetAdjustment } from "../api/setup";
import { adjustmentWords, currencyFor, numberWords } from "../lib/adjustment";
import { Chip, StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { AdjustmentSheet } from "../parts/setup/AdjustmentSheet";
import { HistorySheet } from "../parts/setup/HistorySheet";
import { Acts, Listed } from "../parts/setup/Listed";
import { Remove } from "../parts/setup/Remove";
import type { Column } from "../parts/setup/Rows";
import { fits, SetupPage, StoreFilter, TextFilter, useHomeZone } from "../parts/setup/SetupPage";
import { useTask } from "../parts/setup/useTask";
import { Empty } from "../parts/states";

export default function SetupRules() {
  const { search, open, close } = useTask();
  const said = useQuery(adjustmentsQuery(search.store));
  const rules = useQuery(rulesQuery);
  const { stores, store: storeOf, zone } = useStores();
  const home = useHomeZone();
  const all = said.data ?? [];
  const every = rules.data ?? [];
  const ruleOf = (id: string | null) => every.find((each) => each.id === id);
  const named = (each: SetAdjustment) =>
    each.rule_id === null ? "Every rule" : (ruleOf(each.rule_id)?.name ?? each.rule_id);
  const wordsOf = (each: SetAdjustment) =>
    adjustmentWords(each, ruleOf(each.rule_id), currencyFor(stores, each.store_id));
  const shown = all.filter((each) => fits(search.q, named(each), each.rule_id, each.operator_id, each.note));
  const columns: Column<SetAdjustment>[] = [
    {
      name: "Rule",
      cell: (each) => (
        <>
          {named(each)}
          {stores.length > 1 && (
            <small className="below">
              {each.store_id ? (storeOf(each.store_id)?.name ?? each.store_id) : "every store"}
            </small>
          )}
        </>
      ),
    },
    {
      name: "Otherwise",
      cell: (each) => (
        <>
          {wordsOf(each)}
          {each.problem && <small className="below bad">{each.problem}</small>}
        </>
      ),
    },
    {
      name: "Why",
      cell: (each) => (
        <>
          {each.note}
          <small className="below">
            {each.changed_by},{" "}
            <StoreTime at={each.valid_from} zone={each.store_id ? zone(each.store_id) : home} form="brief" />
          </small>
        </>
      ),
    },
    {
      name: "Until",
      cell: (each) =>
        each.over ? (
          <Chip tone="">Has ended</Chip>
        ) : (
          <StoreTime at={each.until} zone={each.store_id ? zone(each.store_id) : home} form="brief" />
        ),
    },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <Acts
          of={`${named(each)}: ${wordsOf(each)}`}
          acts={each.over ? [] : [["End", () => open("end", each.adjustment_id)]]}
        />
      ),
    },
  ];
  const chosen = all.find((each) => each.adjustment_id === search.id);
  return (
    <SetupPage
      title="Rules"
      about="A store may have other numbers than a rule, switch one off or put it on trial, or leave a register or an operator out for a time. It holds for what happens from then on; what was judged stays."
      actions={
        <>
          <StoreFilter />
          {(all.length > 8 || search.q) && <TextFilter label="Find" />}
          <Link to="/rules/backtest" className="button">
            Back-test
          </Link>
          <button type="button" className="button" onClick={() => open("history")}>
            History
          </button>
          <button type="button" className="button primary" onClick={() => open("add")}>
            Say otherwise
          </button>
        </>
      }
    >
      <Listed
        one="adjustment"
        many="What is said otherwise"
        query={said}
        all={all}
        shown={shown}
        columns={columns}
        id={(each) => each.adjustment_id}
        dim={(each) => each.over}
        none={
          <Empty title="Every rule holds as it is, in every store">
            <p>“Say otherwise” where a store sells dearer goods, or somebody trains at a till.</p>
          </Empty>
        }
      />
      <h2>The rules that judge</h2>
      <Listed
        one="rule"
        many="Rules"
        query={rules}
        all={every}
        shown={every}
        columns={RULES((rule) => open("add", rule.id), currencyFor(stores))}
        id={(rule) => rule.id}
        none={<Empty title="No rule is installed" />}
      />
      {search.do === "add" && rules.data && (
        <AdjustmentSheet key={search.id} rules={rules.data} rule={search.id} store={search.store} close={close} />
      )}
      {search.do === "end" && chosen && (
        <Remove
          title={`End this: ${wordsOf(chosen)}?`}
          verb="End it now"
          act={() => endAdjustment(chosen.adjustment_id)}
          close={close}
        >
          <p>
            From now on {named(chosen).toLowerCase()} judges as it does elsewhere. What happened before stays as it was
            judged.
          </p>
        </Remove>
      )}
      {search.do === "history" && <HistorySheet what="adjustment" id="" store={search.store} close={close} />}
    </SetupPage>
  );
}

const RULES = (adjust: (rule: Rule) => void, currency: string | null): Column<Rule>[] => [
  {
    name: "Rule",
    cell: (rule) => (
      <>
        <Link to="/rules/$ruleId" params={{ ruleId: rule.id }}>
          {rule.name}
        </Link>
        <small className="below">
          {rule.id} {rule.version}
        </small>
        {rule.held_back_since && <Chip tone="warn">Held back: often wrong</Chip>}
      </>
    ),
  },
  { name: "What it looks for", cell: (rule) => rule.description },
  {
    name: "Its numbers",
    cell: (rule) =>
      rule.params.length === 0 ? (
        <span className="quiet">none</span>
      ) : (
        <ul className="plain">
          {rule.params.map((param) => (
            <li key={param.name} title={param.description}>
              {numberWords(param, Number(param.value), currency)}
            </li>
          ))}
        </ul>
      ),
  },
  {
    name: "Actions",
    className: "acts",
    cell: (rule) => (
      <Acts of={rule.name} acts={[["Otherwise", () => adjust(rule)]]}>
        <Link
          to="/rules/backtest"
          search={{ rule: rule.id }}
          className="button small"
          aria-label={`Back-test: ${rule.name}`}
        >
          Back-test
        </Link>
      </Acts>
    ),
  },
];
