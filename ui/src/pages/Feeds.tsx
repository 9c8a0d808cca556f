// Feeds: what the tills' systems send, register by register, and what is wrong with it.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { feedsQuery, tokensQuery } from "../api/integrator";
import { duration } from "../lib/time";
import { StoreTime } from "../parts/bits";
import { Arrived } from "../parts/setup/Arrived";
import { FeedShown } from "../parts/setup/FeedShown";
import { SetupPage, StoreFilter, useHomeZone } from "../parts/setup/SetupPage";
import { TryRecord } from "../parts/setup/TryRecord";
import { useTask } from "../parts/setup/useTask";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function Feeds() {
  const { search, set, open, close } = useTask();
  const [live, setLive] = useState(true);
  const query = useQuery(feedsQuery({ store: search.store, integrator: search.integrator }, live));
  const tokens = useQuery(tokensQuery);
  const home = useHomeZone(search.store);
  const names = new Set([
    ...(tokens.data?.integrators ?? []).map((each) => each.integrator_id),
    ...(query.data?.items ?? []).map((each) => each.integrator_id),
  ]);
  return (
    <SetupPage
      title="Feeds"
      actions={
        <>
          <StoreFilter />
          {names.size > 1 && (
            <label className="choice">
              <span className="hidden">Integrator</span>
              <select
                value={search.integrator ?? ""}
                onChange={(event) => set({ integrator: event.target.value || undefined })}
              >
                <option value="">All integrators</option>
                {[...names].map((each) => (
                  <option key={each} value={each}>
                    {each}
                  </option>
                ))}
              </select>
            </label>
          )}
          <button type="button" className="button" aria-pressed={live} onClick={() => setLive(!live)}>
            {live ? "Refreshing" : "Held"}
          </button>
          <button type="button" className="button primary" onClick={() => open("try")}>
            Try a record
          </button>
        </>
      }
    >
      {query.isError && !query.data ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={3} height={120} label="Loading the feeds" />
      ) : (
        query.data && (
          <div className={query.isPlaceholderData ? "stale feeds" : "feeds"}>
            {query.isError && (
              <p className="warn" role="alert">
                No news for {duration((Date.now() - query.dataUpdatedAt) / 1000)}: the server does not answer. Trying
                again.
              </p>
            )}
            {!query.data.complete && (
              <p className="problems" role="status">
                The log is still being read, back to <StoreTime at={query.data.since} zone={home} form="brief" />:
                numbers grow until it is done.
              </p>
            )}
            {query.data.problems.map((each) => (
              <p key={each} className="problems">
                {each}
              </p>
            ))}
            {query.data.items.length === 0 && (
              <Empty title={search.store || search.integrator ? "No feed fits" : "No integrator is set up"}>
                <p>
                  {search.store || search.integrator
                    ? "Choose another store or integrator."
                    : "The configuration names them, under “integrator”. Then make a token for each."}{" "}
                  <Link to="/setup/tokens">Tokens</Link>
                </p>
              </Empty>
            )}
            {query.data.items.map((each) => (
              <FeedShown key={each.integrator_id} feed={each} store={search.store} />
            ))}
            {query.data.items.length > 0 && <Arrived store={search.store} integrator={search.integrator} />}
          </div>
        )
      )}
      {search.do === "try" && <TryRecord integrator={search.integrator} close={close} />}
    </SetupPage>
  );
}
