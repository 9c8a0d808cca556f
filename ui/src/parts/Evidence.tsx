// The proof: video, timeline and receipt on one clock. The review page and the page of a transaction are made of it.
import { Link } from "@tanstack/react-router";
import { type ReactNode, useMemo, useRef, useState } from "react";
import type { Line, Look, SeenSpan, Transaction, Video, Zone } from "../api/types";
import { beginOf } from "../lib/ahead";
import { Deck } from "../lib/deck";
import { useKeys } from "../lib/keys";
import { time } from "../lib/time";
import { MOST_CAMERAS } from "../lib/watch";
import { words } from "../lib/words";
import { Lanes, type Mark } from "./Lanes";
import { fullScreen, NoVideo, Player } from "./Player";
import { Receipt, timed } from "./Receipt";
import { useDeck } from "./useDeck";

type Props = {
  id: string;
  store: string;
  zone: string;
  videos: Video[];
  transaction: Transaction | null;
  related: Transaction[];
  presence: SeenSpan[];
  boxes: Look[];
  zones: Zone[];
  bound: number | null;
  // The lines of a receipt that an alert is about.
  about?: (lines: Line[]) => number[];
  under?: ReactNode;
  aside?: ReactNode;
};

export function Evidence(props: Props) {
  const { videos, transaction, related, zone } = props;
  const [chosen, setChosen] = useState(0);
  const video = videos[chosen] ?? videos[0];
  const [overlay, setOverlay] = useState(true);
  const screen = useRef<HTMLDivElement>(null);
  // A clip that was still growing is loaded again when it is whole, and goes on where it was.
  const growing = video?.play_url?.includes("&seen=") ?? false;
  const where = video
    ? `${video.camera_id} ${video.from_at} ${video.to_at} ${video.event_at} ${video.starts_at} ${video.play_url !== null} ${growing}`
    : "";
  const last = useRef<Deck | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a newer answer about the same clip does not start it anew
  const deck = useMemo(() => {
    if (!video) return null;
    const from = Date.parse(video.starts_at ?? video.from_at);
    const lead = beginOf(video);
    const begin = last.current?.from === from ? Math.max(lead, last.current.now) : lead;
    last.current = new Deck(from, Date.parse(video.to_at), begin);
    return last.current;
  }, [where]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the address changes with each answer while the clip grows
  const played = useMemo(() => video, [where]);
  const receipts = useMemo(() => (transaction ? [transaction, ...related] : related), [transaction, related]);
  const marks = useMemo<Mark[]>(
    () =>
      receipts
        .flatMap((each) => {
          const lines = timed(each.lines).map(({ line, at }) => ({
            at,
            text: `${line.action === "SALE" ? "" : `${words(line.action)} `}${line.description ?? ""}`,
          }));
          const end = each.camera_time
            ? [{ at: Date.parse(each.camera_time), text: `${words(each.kind)} completed` }]
            : [];
          return [...lines, ...end];
        })
        .sort((one, other) => one.at - other.at),
    [receipts],
  );
  const ofCamera = useMemo(() => {
    const mine = <T extends { camera_id?: string }>(each: T) => !each.camera_id || each.camera_id === video?.camera_id;
    return {
      zones: props.zones.filter((each) => each.camera === video?.camera_id),
      boxes: props.boxes.filter(mine).sort((one, other) => one.at.localeCompare(other.at)),
    };
  }, [props.zones, props.boxes, video?.camera_id]);

  const line = (direction: 1 | -1) => {
    if (!deck) return;
    const slack = direction === 1 ? 50 : -600;
    const next =
      direction === 1
        ? marks.find((mark) => mark.at > deck.now + slack)
        : [...marks].reverse().find((mark) => mark.at < deck.now + slack);
    if (next) deck.seek(next.at);
  };
  useKeys(
    {
      " ": () => deck?.toggle(),
      "[": () => line(-1),
      "]": () => line(1),
      ",": () => deck?.step(-1),
      ".": () => deck?.step(1),
      ArrowLeft: () => deck?.jump(-5),
      ArrowRight: () => deck?.jump(5),
      "Shift+ArrowLeft": () => deck?.jump(-1),
      "Shift+ArrowRight": () => deck?.jump(1),
      "-": () => deck?.faster(-1),
      "+": () => deck?.faster(1),
      "=": () => deck?.faster(1),
      h: () => video && deck?.seek(Date.parse(video.event_at)),
      b: () => setOverlay((on) => !on),
      m: () => deck?.mute(),
      f: () => fullScreen(screen.current),
    },
    deck !== null,
  );

  return (
    <div className="evidence">
      <div className="centre">
        {videos.length > 1 && (
          <div className="cameras" role="group" aria-label="Cameras">
            {videos.map((each, at) => (
              <button
                type="button"
                key={`${each.camera_id} ${each.from_at}`}
                className="button small toggle"
                aria-pressed={each === video}
                onClick={() => setChosen(at)}
              >
                {each.camera_name ?? each.camera_id ?? "No camera"}
              </button>
            ))}
          </div>
        )}
        {video && deck ? (
          <>
            <Player
              key={where}
              deck={deck}
              video={played ?? video}
              zone={zone}
              zones={ofCamera.zones}
              boxes={ofCamera.boxes}
              overlay={overlay}
              setOverlay={setOverlay}
              screen={screen}
            />
            {growing && (
              <p className="quiet" role="status">
                The camera is still recording this. The whole clip comes by itself.
              </p>
            )}
            <OpenHere deck={deck} videos={videos} video={video} store={props.store} zone={zone} />
            <Lanes deck={deck} video={video} zone={zone} presence={props.presence} marks={marks} bound={props.bound} />
          </>
        ) : (
          <div className="screen">
            <NoVideo note={null} />
          </div>
        )}
        {props.under}
      </div>
      <div className="side">
        {receipts.length === 0 && (
          <section className="card receipt">
            <h2>No receipt</h2>
            <p className="quiet">The transaction is not stored, or not yet.</p>
          </section>
        )}
        {receipts.map((each) => (
          <Receipt
            key={each.event_id}
            transaction={each}
            deck={video?.play_url ? deck : null}
            zone={zone}
            about={props.about?.(each.lines)}
          />
        ))}
        {props.aside}
      </div>
    </div>
  );
}

type OpenHereProps = { deck: Deck; videos: Video[]; video: Video; store: string; zone: string };

// The same instant and cameras in free playback, where one can go on beyond the clip.
function OpenHere({ deck, videos, video, store, zone }: OpenHereProps) {
  const second = useDeck(deck, (each) => Math.floor(each.now / 1000));
  if (!video.camera_id) return null;
  const ids = [video, ...videos].flatMap((each) => each.camera_id ?? []);
  const at = new Date(second * 1000);
  return (
    <p className="open-here">
      <Link
        to="/watch"
        search={{
          store,
          cameras: [...new Set(ids)].slice(0, MOST_CAMERAS).join(","),
          at: at.toISOString(),
          zoom: "600",
        }}
      >
        Open {time(at, zone)} in free playback
      </Link>
    </p>
  );
}
