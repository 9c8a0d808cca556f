// Back-test: what a rule would have said of days that are over, asked, followed, and read.
import { useMutation, useQuery } from "@tanstack/react-query";
import { useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { type Backtest, backtestsQuery, endBacktest, isOver } from "../api/backtest";
import { today as todayIn } from "../lib/adjustment";
import { formOf, freshForm, headline, stateWords, triedWords } from "../lib/backtest";
import { words } from "../lib/words";
import { BacktestForm } from "../parts/backtest/BacktestForm";
import { BacktestRun, Where } from "../parts/backtest/BacktestRun";
import { StoreTime } from "../parts/bits";
import { useStores } from "../parts/session";
import { Refused } from "../parts/setup/Field";
import { Acts, Listed } from "../parts/setup/Listed";
import type { Column } from "../parts/setup/Rows";
import { SetupPage, useHomeZone } from "../parts/setup/SetupPage";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function BacktestPage() {
  const search = useSearch({ from: "/rules/backtest" });
  const navigate = useNavigate();
  const kept = useQuery(backtestsQuery);
  const { stores, known } = useStores();
  const home = useHomeZone();
  const forget = useMutation({ mutationFn: endBacktest });
  const all = kept.data?.items ?? [];
  const rules = kept.data?.rules ?? [];
  const named = (id: string) => rules.find((each) => each.id === id)?.name ?? words(id);
  // The form is filled anew when another one is shown, not when the one that was asked appears.
  const [turn, setTurn] = useState(0);
  const go = (next: { rule?: string; id?: string }) =>
    void navigate({ to: "/rules/backtest", search: next, resetScroll: false });
  const shown = all.find((each) => each.backtest_id === search.id);
  const today = todayIn(home);
  const every = stores.map((each) => each.id);
  const first = shown ? formOf(shown, every) : freshForm(search.rule ?? "", today);
  const columns: Column<Backtest>[] = [
    {
      name: "Rule",
      cell: (each) => (
        <>
          {each.rules.map(named).join(", ")}
          <small className="below">
            <StoreTime at={each.asked_at} zone={home} form="brief" />
          </small>
        </>
      ),
    },
    {
      name: "Asked",
      cell: (each) => (
        <>
          <Where of={each} />
          <small className="below">{triedWords(each)}</small>
        </>
      ),
    },
    { name: "Came to", cell: (each) => (each.summary ? headline(each.summary) : stateWords(each)) },
    {
      name: "Actions",
      className: "acts",
      cell: (each) => (
        <Acts
          of={`${each.rules.map(named).join(", ")}, ${each.from} to ${each.to}`}
          acts={[
            [
              "Show",
              () => {
                setTurn(turn + 1);
                go({ id: each.backtest_id });
              },
            ],
            [
              isOver(each.state) ? "Forget" : "Cancel",
              () =>
                forget.mutate(each.backtest_id, {
                  onSuccess: () => {
                    if (isOver(each.state) && search.id === each.backtest_id) go({});
                  },
                }),
            ],
          ]}
        />
      ),
    },
  ];
  return (
    <SetupPage
      title="Back-test"
      about="What a rule would have said of days that are over: with other numbers, before it is switched on, or beside what it said then. Nothing that judges is changed."
    >
      {kept.isError && !kept.data ? (
        <Failed error={kept.error} retry={() => kept.refetch()} />
      ) : kept.isPending || !known ? (
        <Skeleton rows={3} height={72} label="Loading the rules" />
      ) : stores.length === 0 ? (
        <Empty title="There is no store yet">
          <p>Set one up first: back-tests are about its days.</p>
        </Empty>
      ) : (
        <>
          <BacktestForm
            key={`${search.rule} ${turn}`}
            first={first}
            rules={rules}
            today={today}
            asked={(of) => go({ rule: search.rule, id: of.backtest_id })}
          />
          {search.id && <BacktestRun key={search.id} id={search.id} named={named} />}
          <section className="past" aria-labelledby="earlier-title">
            <h2 id="earlier-title">What you asked before</h2>
            <Refused error={forget.error} />
            <Listed
              one="back-test"
              many="Back-tests"
              query={kept}
              all={all}
              shown={all}
              columns={columns}
              id={(each) => each.backtest_id}
              dim={(each) => each.state === "cancelled"}
              none={
                <Empty title="Nothing yet">
                  <p>Choose a rule above and run it over the last four weeks.</p>
                </Empty>
              }
            />
          </section>
        </>
      )}
    </SetupPage>
  );
}
