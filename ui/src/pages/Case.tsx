// One case: what is in it, who is in it, what it cost, and what was done.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { send } from "../api/http";
import { caseQuery } from "../api/queries";
import type { CaseDetail } from "../api/types";
import { withoutIds, words } from "../lib/words";
import { CaseStatusMark, StoreTime } from "../parts/bits";
import { CaseForm } from "../parts/CaseForm";
import { CaseItems } from "../parts/CaseItems";
import { CasePeople } from "../parts/CasePeople";
import { Save } from "../parts/Save";
import { useMayReview, useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";

export default function CasePage() {
  const { caseId } = useParams({ from: "/cases/$caseId" });
  const may = useMayReview();
  const client = useQueryClient();
  const query = useQuery({ ...caseQuery(caseId), enabled: may });
  const [failed, setFailed] = useState<unknown>(null);
  if (!may) return <Empty title="Cases are for loss prevention" />;
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <Skeleton rows={5} height={90} label="Loading the case" />;

  const show = (detail: CaseDetail) => {
    client.setQueryData(caseQuery(caseId).queryKey, detail);
    void client.invalidateQueries({ queryKey: ["cases"] });
    // Pages of alerts say which cases they are in.
    void client.invalidateQueries({ queryKey: ["alert"] });
  };
  // Answers whether it was done; what went wrong stands on the page.
  const change = async (method: "POST" | "DELETE", path: string, body?: unknown): Promise<boolean> => {
    setFailed(null);
    try {
      show(await send<CaseDetail>(method, `/api/v1/cases/${encodeURIComponent(caseId)}${path}`, body));
      return true;
    } catch (error) {
      setFailed(error);
      void query.refetch();
      return false;
    }
  };
  return <Case key={caseId} detail={query.data} show={show} change={change} failed={failed} />;
}

export type Change = (method: "POST" | "DELETE", path: string, body?: unknown) => Promise<boolean>;

type Props = { detail: CaseDetail; show: (detail: CaseDetail) => void; change: Change; failed: unknown };

function Case({ detail, show, change, failed }: Props) {
  const { store, zone } = useStores();
  const tz = zone(detail.stores[0] ?? "");
  return (
    <article className="case" aria-labelledby="case-title">
      <header className="card head-of-case">
        <div className="line">
          <Link to="/cases" className="button small">
            ← Cases
          </Link>
          <CaseStatusMark status={detail.status} />
          <span>{detail.owner ? `For ${detail.owner}` : "Nobody’s yet"}</span>
          <span className="quiet">{detail.stores.map((each) => store(each)?.name ?? `Store ${each}`).join(", ")}</span>
          <span className="quiet">
            Opened by {detail.created_by}, <StoreTime at={detail.created_at} zone={tz} form="brief" />
          </span>
          <span className="fill" />
          {detail.saves && <Save path={`/api/v1/cases/${detail.case_id}/evidence`} />}
        </div>
        <h1 id="case-title">
          #{detail.number} {detail.title}
        </h1>
      </header>
      {failed !== null && (
        <div className="dock">
          <Failed error={failed} />
        </div>
      )}
      <div className="two">
        <div className="centre">
          <CaseItems detail={detail} change={change} />
        </div>
        <div className="side">
          <CaseForm detail={detail} show={show} />
          <CasePeople detail={detail} change={change} />
          <section className="card" aria-labelledby="case-history">
            <h2 id="case-history">History</h2>
            <ol className="reviews">
              {detail.history.map((each, at) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: entries are never taken out, and have no id
                <li key={`${each.at} ${at}`}>
                  <b>{words(each.what)}</b> by {each.by}, <StoreTime at={each.at} zone={tz} form="brief" />
                  {each.detail && <span className="quiet detail">{withoutIds(each.detail)}</span>}
                </li>
              ))}
            </ol>
          </section>
        </div>
      </div>
    </article>
  );
}
