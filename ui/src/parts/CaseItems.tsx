// What a case holds: alerts, receipts, clips, notes.
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { type FormEvent, useState } from "react";
import { alertQuery, transactionQuery } from "../api/queries";
import type { CaseDetail, CaseItem, Video } from "../api/types";
import { full, time } from "../lib/time";
import { money, words } from "../lib/words";
import type { Change } from "../pages/Case";
import { Chip, DispositionMark, SeverityMark, StoreTime } from "./bits";
import { NoVideo } from "./Player";
import { Receipt } from "./Receipt";
import { useStores } from "./session";
import { Failed, Skeleton } from "./states";

export function CaseItems({ detail, change }: { detail: CaseDetail; change: Change }) {
  const { zone } = useStores();
  const home = detail.stores[0] ?? "";
  return (
    <>
      {detail.items.length === 0 && (
        <section className="card">
          <p className="quiet">
            Nothing is in this case yet. Press <kbd>e</kbd> on an alert or receipt to add it, or write a note.
          </p>
        </section>
      )}
      <ul className="case-items">
        {detail.items.map((each) => (
          <li key={each.item_id} className="card">
            <Item item={each} zone={zone(each.store_id ?? home)} />
            <p className="quiet added">
              Added by {each.added_by}, <StoreTime at={each.added_at} zone={zone(each.store_id ?? home)} form="brief" />
              <Remove what={each.kind} remove={() => change("DELETE", `/items/${each.item_id}`)} />
            </p>
          </li>
        ))}
      </ul>
      <Note add={(text) => change("POST", "/items", { kind: "note", text })} />
    </>
  );
}

function Item({ item, zone }: { item: CaseItem; zone: string }) {
  const { alert, receipt, clip } = item;
  if (alert) {
    return (
      <>
        <p className="line">
          <Chip>Alert</Chip>
          <SeverityMark severity={alert.severity} />
          <Link to="/alerts/$alertId" params={{ alertId: alert.alert_id }} search={{ state: "all" }}>
            <b>{alert.title}</b>
          </Link>
          <span className="amount">{money(alert.amount_minor, alert.currency)}</span>
          <DispositionMark disposition={alert.disposition} />
        </p>
        <p>{alert.reason}</p>
        <p className="quiet">
          <StoreTime at={alert.event_time} zone={zone} form="full" /> · Register {alert.register_id}
          {alert.operator_id && ` · Operator ${alert.operator_id}`}
        </p>
        <Unfold>
          <OfAlert id={alert.alert_id} zone={zone} />
        </Unfold>
      </>
    );
  }
  if (receipt) {
    return (
      <>
        <p className="line">
          <Chip>Receipt</Chip>
          <Link to="/transactions/$eventId" params={{ eventId: receipt.event_id }}>
            <b>
              {words(receipt.kind)} {receipt.receipt_no}
            </b>
          </Link>
          <span className="amount">{money(receipt.total_minor, receipt.currency)}</span>
        </p>
        <p className="quiet">
          <StoreTime at={receipt.event_time} zone={zone} form="full" /> · Register {receipt.register_id}
          {receipt.operator_id && ` · Operator ${receipt.operator_id}`}
        </p>
        <Unfold>
          <OfReceipt id={receipt.event_id} zone={zone} />
        </Unfold>
      </>
    );
  }
  if (clip) {
    return (
      <>
        <p className="line">
          <Chip>Clip</Chip>
          <b>Camera {clip.camera_id}</b>
          <span>
            {full(clip.from_at, zone)} to {time(clip.to_at, zone)}
          </span>
        </p>
        <Unfold what="Video">
          <Film url={clip.play_url} name={clip.camera_id} note={clip.note} />
        </Unfold>
      </>
    );
  }
  if (item.kind === "note") {
    return (
      <>
        <p>
          <Chip>Note</Chip>
        </p>
        <p className="text">{item.text}</p>
      </>
    );
  }
  return (
    <p>
      <Chip>{words(item.kind)}</Chip> It is not stored any more; the history says what it was.
    </p>
  );
}

// Video and receipt are only asked for when somebody wants to see them: each look at video is noted in the audit file.
function Unfold({ what = "Video and receipt", children }: { what?: string; children: React.ReactNode }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{what}</summary>
      {open && children}
    </details>
  );
}

function OfAlert({ id, zone }: { id: string; zone: string }) {
  const query = useQuery(alertQuery(id));
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <Skeleton rows={1} height={200} label="Loading video and receipt" />;
  const { transaction, related, video } = query.data;
  return <Proof videos={video} receipts={transaction ? [transaction, ...related] : related} zone={zone} />;
}

function OfReceipt({ id, zone }: { id: string; zone: string }) {
  const query = useQuery(transactionQuery(id));
  if (query.isError) return <Failed error={query.error} retry={() => query.refetch()} />;
  if (!query.data) return <Skeleton rows={1} height={200} label="Loading video and receipt" />;
  return <Proof videos={query.data.video} receipts={[query.data.transaction]} zone={zone} />;
}

type ProofProps = { videos: Video[]; receipts: Parameters<typeof Receipt>[0]["transaction"][]; zone: string };

function Proof({ videos, receipts, zone }: ProofProps) {
  return (
    <div className="proof">
      <div>
        {videos.map((each) => (
          <Film
            key={`${each.camera_id} ${each.from_at}`}
            url={each.play_url}
            name={each.camera_name ?? each.camera_id ?? "the camera"}
            note={each.note}
          />
        ))}
      </div>
      <div>
        {receipts.map((each) => (
          <Receipt key={each.event_id} transaction={each} deck={null} zone={zone} />
        ))}
      </div>
    </div>
  );
}

function Film({ url, name, note }: { url: string | null; name: string; note: string | null }) {
  if (!url) return <NoVideo note={note} />;
  return (
    <>
      <video className="film" src={url} controls muted playsInline preload="metadata" aria-label={`Video of ${name}`} />
      {note && <p className="quiet">{note}</p>}
    </>
  );
}

function Remove({ what, remove }: { what: string; remove: () => Promise<boolean> }) {
  const [sure, setSure] = useState(false);
  if (!sure) {
    return (
      <button type="button" className="button small" onClick={() => setSure(true)}>
        Remove
      </button>
    );
  }
  return (
    <>
      <button
        type="button"
        className="button small bad"
        // biome-ignore lint/a11y/noAutofocus: the button that was pressed becomes this one
        autoFocus
        onClick={() => void remove()}
        onKeyDown={(event) => event.key === "Escape" && setSure(false)}
      >
        Remove the {what}
      </button>
      <button type="button" className="button small" onClick={() => setSure(false)}>
        Keep it
      </button>
    </>
  );
}

function Note({ add }: { add: (text: string) => Promise<boolean> }) {
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (text.trim() === "" || busy) return;
    setBusy(true);
    if (await add(text.trim())) setText("");
    setBusy(false);
  };
  return (
    <form className="card add-note" onSubmit={submit}>
      <label>
        New note
        <textarea
          rows={2}
          value={text}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === "Escape") event.currentTarget.blur();
            if (event.key === "Enter" && event.ctrlKey) event.currentTarget.form?.requestSubmit();
          }}
        />
      </label>
      <button type="submit" className="button" disabled={busy || text.trim() === ""} title="Add the note (Ctrl Enter)">
        Add note
      </button>
    </form>
  );
}
