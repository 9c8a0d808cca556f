// One alert: why it fired, its proof, and the decision. Made to be worked through by keyboard.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useContext, useEffect, useRef, useState } from "react";
import { Problem, send } from "../api/http";
import { announce } from "../api/live";
import { alertQuery } from "../api/queries";
import type { AlertDetail, AlertSummary, Disposition } from "../api/types";
import { useKeys } from "../lib/keys";
import { DISPOSITIONS, dispositionName, isOpen, money, words } from "../lib/words";
import { Chip, DispositionMark, Key, SeverityMark, StoreTime } from "../parts/bits";
import { Evidence } from "../parts/Evidence";
import { Journal } from "../parts/Journal";
import { QueueContext } from "../parts/queueContext";
import { Save } from "../parts/Save";
import { useMayReview, useStores } from "../parts/session";
import { Failed, Skeleton } from "../parts/states";
import { Facts, Reviews, Verdicts } from "../parts/Verdicts";

type Done = { alert: AlertSummary; disposition: Disposition };

export default function ReviewPage() {
  const { alertId } = useParams({ from: "/alerts/$alertId" });
  const queue = useContext(QueueContext);
  const client = useQueryClient();
  const query = useQuery(alertQuery(alertId));
  const [done, setDone] = useState<Done | null>(null);
  const [failed, setFailed] = useState<unknown>(null);
  const next = queue?.at(alertId, 1);
  const previous = queue?.at(alertId, -1);

  // The next alert is there before it is asked for: its data, and the beginning of its video.
  const nextId = next?.alert_id;
  useEffect(() => {
    if (!nextId || !query.data) return;
    const ahead = document.createElement("video");
    let stopped = false;
    client
      .fetchQuery(alertQuery(nextId))
      .then((detail) => {
        const first = detail.video[0];
        if (stopped || !first?.play_url) return;
        ahead.preload = "auto";
        ahead.muted = true;
        ahead.src = first.play_url;
      })
      .catch(() => undefined);
    return () => {
      stopped = true;
      ahead.removeAttribute("src");
      ahead.load();
    };
  }, [nextId, query.data, client]);

  useKeys({
    j: () => next && queue?.go(next.alert_id),
    k: () => previous && queue?.go(previous.alert_id),
    Escape: () => queue?.back(),
  });

  const decide = async (
    of: AlertSummary,
    disposition: Disposition,
    note: string,
    then: (alert: AlertSummary) => void,
  ) => {
    setFailed(null);
    try {
      const body = { disposition, note: note.trim() || undefined, revision: of.revision };
      const alert = await send<AlertSummary>("POST", `/api/v1/alerts/${encodeURIComponent(of.alert_id)}/review`, body);
      announce(alert);
      void client.invalidateQueries({ queryKey: alertQuery(of.alert_id).queryKey });
      then(alert);
    } catch (error) {
      setFailed(error);
      if (error instanceof Problem && error.status === 409) void query.refetch();
    }
  };

  const onDecide = (detail: AlertDetail, disposition: Disposition, note: string) =>
    decide(detail, disposition, note, (alert) => {
      setDone({ alert, disposition });
      const onward = isOpen(detail.disposition) ? (queue?.at(alertId, 1) ?? queue?.at(alertId, -1)) : undefined;
      if (onward) queue?.go(onward.alert_id);
    });
  const undo = () => {
    const of = done?.alert ?? (query.data && !isOpen(query.data.disposition) ? query.data : null);
    if (!of) return;
    void decide(of, "reopened", "", () => {
      setDone(null);
      queue?.go(of.alert_id);
    });
  };

  return (
    <div className="review">
      <div className="said" aria-live="polite">
        {done && (
          <p className="toast">
            <b>{dispositionName(done.disposition)}</b>: {done.alert.title}
            <button type="button" className="button small" onClick={undo}>
              Undo <Key>u</Key>
            </button>
          </p>
        )}
      </div>
      {failed !== null && <Failed error={failed} />}
      {query.data ? (
        <Item
          key={alertId}
          detail={query.data}
          decide={(disposition, note) => void onDecide(query.data, disposition, note)}
          undo={undo}
          canUndo={done !== null || !isOpen(query.data.disposition)}
          previous={previous}
          next={next}
        />
      ) : query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : (
        <div className="loading">
          <Skeleton rows={1} height={72} label="Loading the alert" />
          <Skeleton rows={1} height={400} label="Loading the video" />
          <Skeleton rows={4} height={22} label="Loading the timeline" />
        </div>
      )}
    </div>
  );
}

type ItemProps = {
  detail: AlertDetail;
  decide: (disposition: Disposition, note: string) => void;
  undo: () => void;
  canUndo: boolean;
  previous?: AlertSummary;
  next?: AlertSummary;
};

function Item({ detail, decide, undo, canUndo, previous, next }: ItemProps) {
  const { zone, store } = useStores();
  const tz = zone(detail.store_id);
  const { clock } = detail.alert;
  return (
    <article aria-labelledby="alert-title">
      <header className="card head-of-alert">
        <div className="line">
          <Link to="/alerts" search={(old) => old} className="button small back">
            ← Queue
          </Link>
          <SeverityMark severity={detail.severity} />
          {detail.rule.name !== detail.title && <span>{detail.rule.name}</span>}
          {!isOpen(detail.disposition) && <DispositionMark disposition={detail.disposition} />}
          {detail.state !== "standing" && <Chip tone="warn">{words(detail.state)} by later data</Chip>}
          {detail.provisional && <Chip tone="warn">Provisional: a source was behind</Chip>}
          <span className="fill" />
          <Save path={`/api/v1/alerts/${detail.alert_id}/evidence`} />
          <Step alert={previous} word="Previous" hint="k" />
          <Step alert={next} word="Next" hint="j" />
        </div>
        <h1 id="alert-title">
          {detail.title}
          {detail.amount_minor !== null && (
            <span className="amount"> {money(detail.amount_minor, detail.currency)}</span>
          )}
        </h1>
        <p className="why">{detail.reason}</p>
        <p className="meta">
          <span>{store(detail.store_id)?.name ?? `Store ${detail.store_id}`}</span>
          <span>Register {detail.register_id}</span>
          {detail.operator_id && <span>Operator {detail.operator_id}</span>}
          <StoreTime at={detail.event_time} zone={tz} form="full" />
          <span className={`clock ${clock.method === "unsynchronised" ? "warn" : ""}`}>
            <b>Clocks:</b> {clock.words}
          </span>
        </p>
      </header>
      <Evidence
        id={detail.alert_id}
        store={detail.store_id}
        zone={tz}
        videos={detail.video}
        transaction={detail.transaction}
        related={detail.related}
        presence={detail.presence}
        boxes={detail.boxes}
        zones={detail.zones}
        bound={clock.uncertainty_us / 1000}
        under={<Decide detail={detail} decide={decide} undo={undo} canUndo={canUndo} />}
        aside={
          <>
            <Facts facts={detail.alert.facts} rule={detail.rule} />
            <Verdicts verdicts={detail.verdicts} />
            <Reviews reviews={detail.reviews} zone={tz} />
          </>
        }
      />
      {detail.transaction && (
        <Journal
          eventId={detail.transaction.event_id}
          register={detail.register_id}
          operator={detail.operator_id}
          zone={tz}
        />
      )}
    </article>
  );
}

function Step({ alert, word, hint }: { alert?: AlertSummary; word: string; hint: string }) {
  if (!alert) return null;
  return (
    <Link
      to="/alerts/$alertId"
      params={{ alertId: alert.alert_id }}
      search={(old) => old}
      className="button small"
      title={`${word}: ${alert.title} (${hint})`}
    >
      {word} <Key>{hint}</Key>
    </Link>
  );
}

function Decide({ detail, decide, undo, canUndo }: Omit<ItemProps, "previous" | "next">) {
  const may = useMayReview();
  const [note, setNote] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const keys = Object.fromEntries(DISPOSITIONS.map((each) => [each.key, () => decide(each.code, note)]));
  useKeys({ ...keys, n: () => box.current?.focus(), u: undo }, may);
  if (!may) {
    return (
      <section className="card decide">
        <h2>Decision</h2>
        <p>
          <DispositionMark disposition={detail.disposition} />
          {detail.reviewed_by ? ` by ${detail.reviewed_by}` : " Loss prevention decides about alerts."}
        </p>
      </section>
    );
  }
  return (
    <section className="card decide" aria-labelledby="decide-title">
      <h2 id="decide-title" className="hidden">
        Decision
      </h2>
      <div className="choices">
        {DISPOSITIONS.map((each) => (
          <button
            type="button"
            key={each.code}
            className={`button ${each.code}`}
            aria-pressed={detail.disposition === each.code}
            title={`${each.help} (${each.key})`}
            onClick={() => decide(each.code, note)}
          >
            <Key>{each.key}</Key> {each.name}
          </button>
        ))}
        {canUndo && (
          <button type="button" className="button" onClick={undo} title="Undo the last decision (u)">
            <Key>u</Key> Undo
          </button>
        )}
      </div>
      <label className="note">
        <span className="hidden">Note, kept with the decision</span>
        <textarea
          ref={box}
          rows={1}
          value={note}
          placeholder="Note, kept with the decision (n)"
          onChange={(event) => setNote(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
          }}
        />
      </label>
    </section>
  );
}
