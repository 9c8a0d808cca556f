// What surrounds every page: sign-in, navigation, whether live updates come, help, theme.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, Outlet, useNavigate, useRouterState } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef, useState } from "react";
import { send } from "../api/http";
import { retryNow, useConnection, useLiveState } from "../api/live";
import { demoQuery, meQuery } from "../api/queries";
import type { Me } from "../api/types";
import { useChord, useKeys } from "../lib/keys";
import { words } from "../lib/words";
import { Help } from "./Help";
import { Patterns } from "./Patterns";
import { SignIn } from "./SignIn";
import { MeContext, reviews, speaks } from "./session";
import { Failed, Skeleton } from "./states";
import { ThemeSwitch } from "./ThemeSwitch";

export function Shell() {
  const me = useQuery(meQuery);
  if (me.isPending) return <Skeleton rows={4} label="Starting" />;
  if (me.isError) {
    return (
      <main className="alone">
        <Failed error={me.error} retry={() => me.refetch()} />
      </main>
    );
  }
  if (!me.data) return <SignIn />;
  return <SignedIn me={me.data} />;
}

function SignedIn({ me }: { me: Me }) {
  useConnection();
  const [help, setHelp] = useState(false);
  const mayReview = reviews(me);
  const demo = useQuery(demoQuery);
  const navigate = useNavigate();
  const client = useQueryClient();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const main = useRef<HTMLElement>(null);
  const waiting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);

  const go = (key: string, to: Exclude<To, "/demo">) => ({
    [key]: () => {
      if (waiting.current === undefined) return;
      clearTimeout(waiting.current);
      waiting.current = undefined;
      void navigate({ to });
    },
  });
  useKeys({
    "/": () => {
      const box = document.querySelector<HTMLInputElement>("#query");
      if (box) box.focus();
      else void navigate({ to: "/search" });
    },
    "?": () => setHelp(true),
    g: () => {
      clearTimeout(waiting.current);
      waiting.current = setTimeout(() => {
        waiting.current = undefined;
      }, 1200);
    },
    ...go("q", "/alerts"),
    ...go("s", "/search"),
    ...go("r", "/reports"),
    ...(mayReview ? go("c", "/cases") : {}),
    ...go("v", "/cameras"),
    ...go("w", "/watch"),
    ...(me.role === "head_office" ? {} : go("k", "/risk")),
  });

  // A new page is read from its beginning.
  const section = path.split("/")[1];
  const setsUp = section === "setup" || section === "feeds" || path === "/rules/backtest";
  useEffect(() => {
    // Pages of the set-up name themselves.
    if (setsUp) return;
    const title = section ? words(section) : "Tillsight";
    document.title = section ? `${title} · Tillsight` : title;
  }, [section, setsUp]);

  const signOut = async () => {
    await send("DELETE", "/api/v1/session").catch(() => undefined);
    client.setQueryData(meQuery.queryKey, null);
    client.removeQueries({ predicate: (query) => query.queryKey[0] !== meQuery.queryKey[0] });
  };

  return (
    <MeContext value={me}>
      <Patterns />
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Tillsight, first page">
          <img src="/favicon.svg" alt="" width="24" height="24" />
          <span>Tillsight</span>
        </Link>
        <nav aria-label="Pages">
          <Tab to="/alerts" icon="M4 6h16M4 12h16M4 18h10">
            Alerts
          </Tab>
          {mayReview && (
            <Tab to="/cases" icon="M3 8h18v12H3ZM9 8V4h6v4M3 13h18">
              Cases
            </Tab>
          )}
          <Tab to="/watch" icon="M3 5h18v12H3ZM10 8.5l5 2.5-5 2.5ZM8 21h8">
            Watch
          </Tab>
          <Tab to="/search" icon="M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l5 5">
            Search
          </Tab>
          <Tab to="/reports" icon="M6 3h9l4 4v14H6ZM9 12h7M9 16h7">
            Report
          </Tab>
          {me.role !== "head_office" && (
            <Tab to="/risk" icon="M5 20V10M12 20V4M19 20v-6">
              Risk
            </Tab>
          )}
          <Tab to="/cameras" icon="M3 7h12v10H3ZM15 11l6-3v8l-6-3">
            Cameras
          </Tab>
          {demo.data && !speaks(me) && (
            <Tab to="/demo" icon="M7 4l12 8-12 8Z">
              Demo
            </Tab>
          )}
        </nav>
        <div className="tools">
          {me.role === "admin" && <SetUp here={setsUp} />}
          <LiveMark />
          <button
            type="button"
            className="icon"
            onClick={() => setHelp(true)}
            title="Keys (?)"
            aria-label="Keys and help"
          >
            ?
          </button>
          <ThemeSwitch />
          <span className="who" title={`${me.name}, ${words(me.role)}`}>
            {me.name} <small>{words(me.role)}</small>
          </span>
          <button type="button" className="button small" onClick={signOut}>
            Sign out
          </button>
        </div>
      </header>
      <LostBanner />
      <main id="main" ref={main} tabIndex={-1}>
        <Outlet />
      </main>
      <Help open={help} close={() => setHelp(false)} />
    </MeContext>
  );
}

type To = "/alerts" | "/cases" | "/watch" | "/search" | "/reports" | "/risk" | "/cameras" | "/demo";

function Tab({ to, icon, children }: { to: To; icon: string; children: ReactNode }) {
  return (
    <Link to={to} activeProps={{ "aria-current": "page" }} activeOptions={{ exact: false, includeSearch: false }}>
      <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
        <path d={icon} fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" />
      </svg>
      <span>{children}</span>
    </Link>
  );
}

// Apart from the pages of every day, and small on a phone.
function SetUp({ here }: { here: boolean }) {
  const navigate = useNavigate();
  useChord("g", "u", () => void navigate({ to: "/setup/cameras" }));
  return (
    <nav aria-label="Administration" className="set-up">
      <Link to="/setup/cameras" aria-current={here ? "page" : undefined} title="Set up (g u)">
        <svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">
          <path
            d="M4 7h9M17 7h3M4 17h3M11 17h9M15 4v6M9 14v6"
            fill="none"
            stroke="currentColor"
            strokeWidth="2"
            strokeLinecap="round"
          />
        </svg>
        <span>Set up</span>
      </Link>
    </nav>
  );
}

function LiveMark() {
  const state = useLiveState();
  const text = { live: "Live", connecting: "Connecting", lost: "Not live" }[state];
  return (
    <span className={`connection ${state}`} role="status">
      <i aria-hidden="true" />
      <span>{text}</span>
    </span>
  );
}

function LostBanner() {
  const state = useLiveState();
  if (state !== "lost") return null;
  return (
    <div className="banner" role="alert">
      <span>
        <b>Live updates have stopped.</b> What you see may be old. Trying again by itself.
      </span>
      <button type="button" className="button small" onClick={retryNow}>
        Try now
      </button>
    </div>
  );
}
