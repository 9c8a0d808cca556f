// The coverage matrix: how each rule sees in each store just now, why not, and what puts it right.
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { type KeyboardEvent, useEffect, useRef } from "react";
import { type MatrixPage, matrixQuery, type SightCell } from "../api/matrix";
import { useKeys } from "../lib/keys";
import { type Matrix, matrixOf, registerWords, STATES, stateOf, unknownByStore } from "../lib/matrix";
import { StoreTime } from "../parts/bits";
import { CoverageTabs } from "../parts/CoverageTabs";
import { useMe, useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { PHONE, useMedia } from "../parts/useMedia";

type Chosen = { store: string; rule: string };

export default function CoverageMatrix() {
  const search = useSearch({ from: "/coverage" });
  const navigate = useNavigate();
  const query = useQuery(matrixQuery);
  const phone = useMedia(PHONE);
  const all = search.all === "true";
  const set = (change: { store?: string; rule?: string; all?: "true" }) =>
    void navigate({ to: "/coverage", search: (old) => ({ ...old, ...change }), replace: true });
  const close = () => set({ store: undefined, rule: undefined });
  const page = query.data;
  const matrix = page && matrixOf(page, all);
  return (
    <div className="matrix">
      <header className="bar-of-page">
        <h1>Can the rules see?</h1>
        <CoverageTabs here="matrix" />
        <span className="fill" />
        {matrix && (
          <label className="choice">
            <input
              type="checkbox"
              checked={!all}
              onChange={(event) => set({ all: event.target.checked ? undefined : "true" })}
            />
            Only what is not live
          </label>
        )}
      </header>
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : !page || !matrix ? (
        <Skeleton rows={6} height={40} label="Loading the matrix" />
      ) : (
        <>
          {page.looked_at === null ? (
            <p className="problems" role="status">
              What the tills sent in the last days is still being read: what stands here is from before.
            </p>
          ) : (
            <Counts matrix={matrix} />
          )}
          {page.left_out.map((problem) => (
            <p key={problem} className="problems" role="status">
              A rule does not judge: {problem}
            </p>
          ))}
          <Unknown page={page} />
          <Canaries page={page} />
          {matrix.stores.length === 0 && page.looked_at === null ? (
            <Empty title="Not known yet" />
          ) : matrix.stores.length === 0 ? (
            <Empty title="Every rule can see">
              <p>At every register of every store, each rule that is not switched off can judge.</p>
            </Empty>
          ) : phone ? (
            <Stores matrix={matrix} />
          ) : (
            <Grid matrix={matrix} chosen={search} choose={set} close={close} />
          )}
        </>
      )}
    </div>
  );
}

function Counts({ matrix }: { matrix: Matrix }) {
  return (
    <p className="counts">
      {STATES.map(({ code, name, sign, help }) => (
        <span key={code} className={`chip rule-${code}`} title={help}>
          <span aria-hidden="true">{sign}</span> {matrix.count[code].toLocaleString("en-US")} {name.toLowerCase()}
        </span>
      ))}
    </p>
  );
}

// Registers that no zone and no name knows: a matter for those who set up, and no suspicion.
function Unknown({ page }: { page: MatrixPage }) {
  const { store, zone } = useStores();
  const setsUp = useMe().role === "admin";
  const stores = unknownByStore(page);
  if (stores.length === 0) return null;
  return (
    <section className="card unknown" aria-labelledby="unknown-title">
      <h2 id="unknown-title">Registers that nobody knows</h2>
      <p className="quiet">
        They send records, and no zone and no name belongs to them: a new lane, or another spelling.
      </p>
      <ul className="plain">
        {stores.map((each) => (
          <li key={each.store}>
            <b>{store(each.store)?.name ?? each.store}</b>: {registerWords(each.registers)}, since{" "}
            <StoreTime at={each.since} zone={zone(each.store)} form="brief" />.{" "}
            {setsUp && (
              <Link to="/setup/registers" search={{ store: each.store }}>
                Name {each.registers.length === 1 ? "it" : "them"}
              </Link>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

// Synthetic transactions that did not come out: something is broken between a till and an alert.
function Canaries({ page }: { page: MatrixPage }) {
  const { store, zone } = useStores();
  if (page.canaries.length === 0) return null;
  const missing = page.canaries.filter((each) => each.state === "overdue");
  if (missing.length === 0) {
    const last = page.canaries.map((each) => each.came_at ?? "").sort();
    const at = last.at(-1);
    return (
      <p className="quiet">
        A synthetic transaction travels the whole path once a day: none is missing.
        {at && (
          <>
            {" "}
            The last one came out <StoreTime at={at} zone={zone(page.canaries[0]?.store_id ?? "")} form="brief" />.
          </>
        )}
      </p>
    );
  }
  return (
    <section className="card unknown" aria-labelledby="canary-title" role="alert">
      <h2 id="canary-title">What is rung does not come out as alerts</h2>
      <p className="quiet">
        A synthetic transaction was sent and did not come out. Whoever runs this system should look.
      </p>
      <ul className="plain">
        {missing.map((each) => (
          <li key={each.store_id}>
            <b>{store(each.store_id)?.name ?? each.store_id}</b>: sent{" "}
            <StoreTime at={each.sent_at} zone={zone(each.store_id)} form="brief" />
          </li>
        ))}
      </ul>
    </section>
  );
}

type GridProps = {
  matrix: Matrix;
  chosen: { store?: string; rule?: string };
  choose: (cell: Chosen) => void;
  close: () => void;
};

function Grid({ matrix, chosen, choose, close }: GridProps) {
  const { store } = useStores();
  const table = useRef<HTMLDivElement>(null);
  const opened = chosen.store && chosen.rule ? matrix.cell(chosen.store, chosen.rule) : undefined;
  const buttons = () => [...(table.current?.querySelectorAll<HTMLElement>("td button") ?? [])];
  const leave = () => {
    buttons()
      .find((each) => each.dataset.at === `${chosen.store}/${chosen.rule}`)
      ?.focus();
    close();
  };
  const step = (by: 1 | -1) => {
    const list = buttons();
    const at = list.indexOf(document.activeElement as HTMLElement);
    list[at < 0 ? 0 : Math.min(list.length - 1, Math.max(0, at + by))]?.focus();
  };
  // Up and down stay in the column.
  const rise = (by: 1 | -1) => {
    const here = document.activeElement as HTMLElement | null;
    const column = buttons().filter((each) => each.dataset.rule === here?.dataset.rule);
    const at = here ? column.indexOf(here) : -1;
    if (at < 0) step(by);
    else column[at + by]?.focus();
  };
  useKeys({ j: () => step(1), k: () => step(-1) });
  const move = (event: KeyboardEvent) => {
    const acts: Record<string, () => void> = {
      ArrowRight: () => step(1),
      ArrowLeft: () => step(-1),
      ArrowDown: () => rise(1),
      ArrowUp: () => rise(-1),
    };
    const act = acts[event.key];
    if (!act || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    act();
  };
  return (
    <>
      {opened && <Why cell={opened} rule={ruleName(matrix, opened.rule_id)} close={leave} />}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls sideways, so that it must be reached by keyboard */}
      <div className="table card" tabIndex={0} role="group" aria-label="Stores and rules" ref={table} onKeyDown={move}>
        <table>
          <thead>
            <tr>
              <th scope="col">Store</th>
              {matrix.rules.map((rule) => (
                <th key={rule.rule_id} scope="col" className="rule">
                  <Link to="/rules/$ruleId" params={{ ruleId: rule.rule_id }}>
                    {rule.name}
                  </Link>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {matrix.stores.map((id) => (
              <tr key={id}>
                <th scope="row">{store(id)?.name ?? id}</th>
                {matrix.rules.map((rule) => {
                  const cell = matrix.cell(id, rule.rule_id);
                  const { name, sign } = stateOf(cell?.state ?? "live");
                  const at = `${id}/${rule.rule_id}`;
                  return (
                    <td key={rule.rule_id}>
                      {cell ? (
                        <button
                          type="button"
                          className={`sight rule-${cell.state}`}
                          data-at={at}
                          data-rule={rule.rule_id}
                          aria-label={`${store(id)?.name ?? id}, ${rule.name}: ${name}${cell.trial ? ", on trial" : ""}`}
                          aria-pressed={at === `${chosen.store}/${chosen.rule}`}
                          onClick={() => choose({ store: id, rule: rule.rule_id })}
                        >
                          <span aria-hidden="true">{sign}</span>
                        </button>
                      ) : (
                        <span className="sight rule-live" role="img" aria-label={name}>
                          {sign}
                        </span>
                      )}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function ruleName(matrix: Matrix, id: string): string {
  return matrix.rules.find((rule) => rule.rule_id === id)?.name ?? id;
}

// Why a rule does not see in a store. It takes the focus when it opens; Escape gives it back.
function Why({ cell, rule, close }: { cell: SightCell; rule: string; close: () => void }) {
  const { store } = useStores();
  const head = useRef<HTMLHeadingElement>(null);
  const at = `${cell.store_id}/${cell.rule_id}`;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another cell is another panel
  useEffect(() => head.current?.focus(), [at]);
  useKeys({ Escape: close });
  return (
    <section className="card why" aria-labelledby="why-title">
      <header>
        <h2 id="why-title" tabIndex={-1} ref={head}>
          {rule} <small>{store(cell.store_id)?.name ?? cell.store_id}</small>
        </h2>
        <button type="button" className="button small" onClick={close}>
          Close
        </button>
      </header>
      <Reasons cell={cell} />
    </section>
  );
}

function Reasons({ cell }: { cell: SightCell }) {
  const { zone } = useStores();
  const { name, sign, code } = stateOf(cell.state);
  return (
    <>
      <p>
        <span className={`chip rule-${code}`}>
          <span aria-hidden="true">{sign}</span> {name}
        </span>{" "}
        since <StoreTime at={cell.since} zone={zone(cell.store_id)} form="brief" />
        {cell.trial && <> · on trial: it judges, and sends nothing</>}
      </p>
      <ul className="plain">
        {cell.reasons.map((reason) => (
          <li key={reason.words}>
            <b>{reason.words}</b>
            {reason.since && (
              <>
                {" "}
                Since <StoreTime at={reason.since} zone={zone(cell.store_id)} form="brief" />.
              </>
            )}
            <small>{reason.cure}</small>
          </li>
        ))}
      </ul>
    </>
  );
}

// The same on a phone: a store after the other, with what is wrong and what to do.
function Stores({ matrix }: { matrix: Matrix }) {
  const { store } = useStores();
  return (
    <>
      {matrix.stores.map((id) => {
        const cells = matrix.rules.flatMap((rule) => matrix.cell(id, rule.rule_id) ?? []);
        return (
          <section key={id} className="card" aria-label={store(id)?.name ?? id}>
            <h2>{store(id)?.name ?? id}</h2>
            {cells.length === 0 && <p className="quiet">Every rule can see.</p>}
            {cells.map((cell) => (
              <details key={cell.rule_id}>
                <summary>
                  <span className={`chip rule-${cell.state}`}>
                    <span aria-hidden="true">{stateOf(cell.state).sign}</span> {stateOf(cell.state).name}
                  </span>{" "}
                  {ruleName(matrix, cell.rule_id)}
                </summary>
                <Reasons cell={cell} />
              </details>
            ))}
          </section>
        );
      })}
    </>
  );
}
