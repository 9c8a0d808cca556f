// One alert: why it fired, its proof, and the decision. Made to be worked through by keyboard.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useContext, useEffect, useMemo, useRef } from "react";
import { Problem } from "../api/http";
import { alertQuery, countQuery } from "../api/queries";
import type { AlertDetail, AlertSummary, Disposition, QueueItem, Review } from "../api/types";
import { linesAbout } from "../lib/about";
import { forget, loadAhead } from "../lib/ahead";
import { draftOf, keepDraft } from "../lib/drafts";
import { sumOf } from "../lib/item";
import { useKeys } from "../lib/keys";
import { due } from "../lib/live";
import { term } from "../lib/search";
import { dispositionName, isDecision, isOpen, money, words } from "../lib/words";
import { Chip, DispositionMark, Key, SeverityMark, StoreTime } from "../parts/bits";
import { CaseChips } from "../parts/CaseChips";
import { Decide } from "../parts/Decide";
import { Evidence } from "../parts/Evidence";
import { Journal } from "../parts/Journal";
import { ItemTime, MemberRow } from "../parts/QueueRow";
import { QueueContext } from "../parts/queueContext";
import { Save } from "../parts/Save";
import { useMayReview, useMe, useStores } from "../parts/session";
import { Empty, Failed, Skeleton } from "../parts/states";
import { TWO_COLUMNS, useMedia } from "../parts/useMedia";
import { Expected, Facts, History, Verdicts } from "../parts/Verdicts";

export default function ReviewPage() {
  const { alertId } = useParams({ from: "/alerts/$alertId" });
  const queue = useContext(QueueContext);
  const me = useMe().name;
  const client = useQueryClient();
  const query = useQuery(alertQuery(alertId));
  const next = queue?.at(alertId, 1);
  const previous = queue?.at(alertId, -1);

  // The next item is there before it is asked for: its data, and the beginning of its video.
  const nextId = next?.head.alert_id;
  const ready = query.data !== undefined;
  useEffect(() => {
    if (!nextId || !ready) return;
    let stopped = false;
    client
      .fetchQuery(alertQuery(nextId))
      .then(({ video: [first] }) => {
        if (first && !stopped) loadAhead(first);
      })
      .catch(() => undefined);
    return () => {
      stopped = true;
    };
  }, [nextId, ready, client]);
  useEffect(() => forget, []);

  useKeys({
    j: () => next && queue?.go(next.head.alert_id),
    k: () => previous && queue?.go(previous.head.alert_id),
    Escape: () => queue?.back(),
  });

  const decide = async (alerts: AlertSummary[], disposition: Disposition, note: string) => {
    const detail = query.data;
    if (!queue || !detail) return;
    const batch = await queue.decide(alerts, disposition, note);
    const done = new Set(batch.decided.map((each) => each.alert_id));
    for (const id of done) if (draftOf(me, id) === note) keepDraft(me, id, "");
    // What could not be decided is looked at again; else the next one of the item that is open, else the next item.
    if (!done.has(alertId) || !isOpen(detail.disposition)) return;
    const rest = detail.item.members.filter((each) => isOpen(each.disposition) && !done.has(each.alert_id));
    const onward = rest[0] ?? queue.at(alertId, 1)?.head ?? queue.at(alertId, -1)?.head;
    if (onward) queue.go(onward.alert_id);
  };
  const undo = () => {
    const of = queue?.last?.decided[0] ?? query.data;
    if (!queue || !of) return;
    // The note of the decision that is taken back is there for the next one.
    const taken = queue.last ? undefined : lastDecision(query.data?.reviews ?? [], me);
    if (taken?.note && draftOf(me, of.alert_id) === "") keepDraft(me, of.alert_id, taken.note);
    void (queue.last ? queue.undo() : queue.decide([of], "reopened", "")).then(() => queue.go(of.alert_id));
  };

  return (
    <div className="review">
      {query.data ? (
        <Item
          key={alertId}
          detail={query.data}
          decide={decide}
          undo={undo}
          canUndo={queue?.last != null || !isOpen(query.data.disposition)}
          previous={previous}
          next={next}
        />
      ) : query.error instanceof Problem && [400, 404].includes(query.error.status) ? (
        <Empty title="There is no such alert, or not for you.">
          <p>
            <Link to="/alerts" search={(old) => old}>
              Go to the alerts
            </Link>
          </p>
        </Empty>
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

// What somebody decided last, as it stands; what another one wrote is not one's own draft.
function lastDecision(reviews: Review[], me: string): Review | undefined {
  const decided = reviews.filter(({ disposition }) => isDecision(disposition));
  const last = decided.sort((one, other) => one.reviewed_at.localeCompare(other.reviewed_at)).at(-1);
  return last?.reviewer === me ? last : undefined;
}

type ItemProps = {
  detail: AlertDetail;
  decide: (alerts: AlertSummary[], disposition: Disposition, note: string) => Promise<void>;
  undo: () => void;
  canUndo: boolean;
  previous?: QueueItem;
  next?: QueueItem;
};

function Item({ detail, decide, undo, canUndo, previous, next }: ItemProps) {
  const { zone, store } = useStores();
  const queue = useContext(QueueContext);
  const may = useMayReview();
  const tz = zone(detail.store_id);
  const { clock } = detail.alert;
  const { members } = detail.item;
  // What a decision is about: this alert, or all of the item that is still to be decided.
  const whole = useMemo(() => {
    const others = members.filter((each) => each.alert_id !== detail.alert_id && isOpen(each.disposition));
    return isOpen(detail.disposition) ? due([detail, ...others]) : [detail];
  }, [detail, members]);
  const step = (by: 1 | -1) => () => {
    const to = members[members.findIndex((each) => each.alert_id === detail.alert_id) + by];
    if (to) queue?.go(to.alert_id);
  };
  // The alert that is looked at is seen in the row of its item.
  const row = useRef<HTMLElement>(null);
  useEffect(() => {
    const shown = row.current?.querySelector(".selected")?.getBoundingClientRect();
    const seen = row.current?.getBoundingClientRect();
    if (!row.current || !shown || !seen || shown.right <= seen.right) return;
    row.current.scrollLeft = Math.min(shown.right - seen.right + 60, shown.left - seen.left);
  }, []);
  useKeys({ "Shift+j": step(1), "Shift+k": step(-1) }, members.length > 1);
  useKeys(
    {
      a: () => queue?.give(whole),
      "Shift+a": () => queue?.giveToMe(whole),
      e: () => queue?.addToCase(whole),
    },
    may,
  );
  const around = detail.transaction && (
    <Journal
      eventId={detail.transaction.event_id}
      register={detail.register_id}
      operator={detail.operator_id}
      zone={tz}
    />
  );
  // Without video there is room for it beside the receipt.
  const beside = useMedia(TWO_COLUMNS) && detail.video.every((each) => !each.play_url);
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
          {detail.assignee && <Chip tone="mine">For {detail.assignee}</Chip>}
          <CaseChips cases={detail.cases} />
          <span className="fill" />
          {may && (
            <>
              <button
                type="button"
                className="button small"
                title="Give to somebody (a); to me (Shift A)"
                onClick={() => queue?.give(whole)}
              >
                Give to <Key>a</Key>
              </button>
              <button
                type="button"
                className="button small"
                title="Add to a case (e)"
                onClick={() => queue?.addToCase(whole)}
              >
                Case <Key>e</Key>
              </button>
            </>
          )}
          <Save path={`/api/v1/alerts/${detail.alert_id}/evidence`} />
          <Step item={previous} word="Previous" hint="k" />
          <Step item={next} word="Next" hint="j" />
        </div>
        <h1 id="alert-title">
          {detail.title}
          {detail.amount_minor !== null && (
            <span className="amount"> {money(detail.amount_minor, detail.currency)}</span>
          )}
        </h1>
        <p className="why">{detail.reason}</p>
        {detail.item.asked && (
          <p className="asked">
            <span className="chip look_at_it">{dispositionName("look_at_it")}</span> {detail.item.asked.by},{" "}
            <StoreTime at={detail.item.asked.at} zone={tz} form="brief" />
            {detail.item.asked.report_day && (
              <>
                {", from the "}
                <Link to="/reports" search={{ store: detail.store_id, day: detail.item.asked.report_day }}>
                  report of {detail.item.asked.report_day}
                </Link>
              </>
            )}
          </p>
        )}
        <p className="meta">
          <span>{store(detail.store_id)?.name ?? `Store ${detail.store_id}`}</span>
          <span>Register {detail.register_id}</span>
          {detail.operator_id && <span>Operator {detail.operator_id}</span>}
          {may && <OtherOpen detail={detail} />}
          <StoreTime at={detail.event_time} zone={tz} form="full" />
          <span className={`clock ${clock.method === "unsynchronised" ? "warn" : ""}`}>
            <b>Clocks:</b> {clock.words}
          </span>
        </p>
        {members.length > 1 && (
          <nav ref={row} className="members" aria-label={`The ${members.length} alerts of this item`}>
            <ItemSum members={members} zone={tz} />
            {members.map((each) => (
              <MemberRow
                key={each.alert_id}
                alert={each}
                zone={tz}
                selected={each.alert_id === detail.alert_id}
                left={false}
              />
            ))}
          </nav>
        )}
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
        about={(lines) => linesAbout(detail.rule_id, detail.alert.facts, lines)}
        under={
          <>
            <Decide detail={detail} whole={whole} decide={decide} undo={undo} canUndo={canUndo} />
            {beside && around}
          </>
        }
        aside={
          <>
            <Facts alert={detail.alert} rule={detail.rule} />
            <Expected detail={detail} />
            <Verdicts verdicts={detail.verdicts} />
            <History detail={detail} zone={tz} />
          </>
        }
      />
      {!beside && around}
    </article>
  );
}

// What the item comes to as one.
function ItemSum({ members, zone }: { members: AlertSummary[]; zone: string }) {
  const sum = sumOf(members);
  return (
    <p className="of-item" title="Alerts of one receipt, or of one operator within seconds at one camera">
      <b>
        {members.length} alerts
        {sum && sum.receipts > 1 && `, ${money(sum.minor, sum.currency)} on ${sum.receipts} receipts`}
      </b>
      <ItemTime members={members} zone={zone} />
    </p>
  );
}

// The operator's other open alerts, which are not of this item.
function OtherOpen({ detail }: { detail: AlertDetail }) {
  const operator = detail.operator_id;
  const q = operator ? `${term("store", detail.store_id)} ${term("operator", operator)} is:open` : "";
  const { data } = useQuery(countQuery(q));
  const mine = [detail, ...detail.item.members.filter((each) => each.alert_id !== detail.alert_id)];
  const here = mine.filter((each) => isOpen(each.disposition) && each.operator_id === operator).length;
  const others = (data ?? 0) - here;
  if (others <= 0) return null;
  return (
    <Link to="/search" search={{ q }}>
      Other open alerts of operator {operator} ({others})
    </Link>
  );
}

function Step({ item, word, hint }: { item?: QueueItem; word: string; hint: string }) {
  if (!item) return null;
  return (
    <Link
      to="/alerts/$alertId"
      params={{ alertId: item.head.alert_id }}
      search={(old) => old}
      className="button small"
      title={`${word}: ${item.head.title} (${hint})`}
    >
      {word} <Key>{hint}</Key>
    </Link>
  );
}
