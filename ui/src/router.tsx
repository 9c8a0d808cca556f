// The pages and what their addresses hold. Everything a page shows can be shared by its address.
import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";
import { parseAddress, writeAddress } from "./lib/search";
import type { Address } from "./lib/watch";
import { forAdmins } from "./parts/ForAdmins";
import { Shell } from "./parts/Shell";
import { setupSearch } from "./parts/setup/useTask";
import { Empty, Failed, Skeleton } from "./parts/states";

const text = (value: unknown): string | undefined => (typeof value === "string" && value !== "" ? value : undefined);

export type QueueSearch = {
  state?: "closed" | "all";
  store?: string;
  rule?: string;
  operator?: string;
  assignee?: string;
  asked?: "true";
  sent?: "held" | "all" | "shadow";
  sort?: "value";
};

const root = createRootRoute({ component: Shell, notFoundComponent: NotFound });

const index = createRoute({
  getParentRoute: () => root,
  path: "/",
  component: lazyRouteComponent(() => import("./pages/Home")),
});
const queue = createRoute({
  getParentRoute: () => root,
  path: "/queue",
  beforeLoad: () => {
    throw redirect({ to: "/alerts" });
  },
});
const alerts = createRoute({
  getParentRoute: () => root,
  path: "/alerts",
  validateSearch: (search: Record<string, unknown>): QueueSearch => ({
    state: search.state === "closed" || search.state === "all" ? search.state : undefined,
    store: text(search.store),
    rule: text(search.rule),
    operator: text(search.operator),
    assignee: text(search.assignee),
    asked: String(search.asked) === "true" ? "true" : undefined,
    sent: search.sent === "held" || search.sent === "all" || search.sent === "shadow" ? search.sent : undefined,
    sort: search.sort === "value" ? "value" : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/Queue")),
});
const review = createRoute({
  getParentRoute: () => alerts,
  path: "$alertId",
  component: lazyRouteComponent(() => import("./pages/Review")),
});
const blind = createRoute({
  getParentRoute: () => root,
  path: "/blind",
  validateSearch: (search: Record<string, unknown>): { store?: string; rule?: string } => ({
    store: text(search.store),
    rule: text(search.rule),
  }),
  component: lazyRouteComponent(() => import("./pages/Blind")),
});
const rule = createRoute({
  getParentRoute: () => root,
  path: "/rules/$ruleId",
  component: lazyRouteComponent(() => import("./pages/Rule")),
});
const backtest = createRoute({
  getParentRoute: () => root,
  path: "/rules/backtest",
  validateSearch: (search: Record<string, unknown>): { rule?: string; id?: string } => ({
    rule: text(search.rule),
    id: text(search.id),
  }),
  component: forAdmins(() => import("./pages/Backtest")),
});
const cases = createRoute({
  getParentRoute: () => root,
  path: "/cases",
  validateSearch: (search: Record<string, unknown>): { status?: string; owner?: string; q?: string } => ({
    status: text(search.status),
    owner: text(search.owner),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import("./pages/Cases")),
});
const oneCase = createRoute({
  getParentRoute: () => root,
  path: "/cases/$caseId",
  component: lazyRouteComponent(() => import("./pages/Case")),
});
const transaction = createRoute({
  getParentRoute: () => root,
  path: "/transactions/$eventId",
  component: lazyRouteComponent(() => import("./pages/Transaction")),
});
const search = createRoute({
  getParentRoute: () => root,
  path: "/search",
  validateSearch: (search: Record<string, unknown>): { q?: string; from?: string; to?: string } => ({
    q: text(search.q),
    from: text(search.from),
    to: text(search.to),
  }),
  component: lazyRouteComponent(() => import("./pages/Search")),
});
const dayOfStore = (search: Record<string, unknown>): { store?: string; day?: string } => ({
  store: text(search.store),
  day: /^\d{4}-\d\d-\d\d$/.test(String(search.day)) ? String(search.day) : undefined,
});
const reports = createRoute({
  getParentRoute: () => root,
  path: "/reports",
  validateSearch: dayOfStore,
  component: lazyRouteComponent(() => import("./pages/Report")),
});
const cameras = createRoute({
  getParentRoute: () => root,
  path: "/cameras",
  validateSearch: dayOfStore,
  component: lazyRouteComponent(() => import("./pages/Coverage")),
});
const matrix = createRoute({
  getParentRoute: () => root,
  path: "/coverage",
  validateSearch: (search: Record<string, unknown>): { store?: string; rule?: string; all?: "true" } => ({
    store: text(search.store),
    rule: text(search.rule),
    all: String(search.all) === "true" ? "true" : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/Matrix")),
});
const risk = createRoute({
  getParentRoute: () => root,
  path: "/risk",
  validateSearch: (search: Record<string, unknown>): { store?: string; days?: string } => ({
    store: text(search.store),
    days: /^\d{1,2}$/.test(String(search.days)) ? String(search.days) : undefined,
  }),
  component: lazyRouteComponent(() => import("./pages/Risk")),
});
const watch = createRoute({
  getParentRoute: () => root,
  path: "/watch",
  validateSearch: (search: Record<string, unknown>): Address => ({
    store: text(search.store),
    cameras: text(search.cameras),
    at: text(search.at),
    zoom: text(search.zoom),
  }),
  component: lazyRouteComponent(() => import("./pages/Watch")),
});
const demo = createRoute({
  getParentRoute: () => root,
  path: "/demo",
  component: lazyRouteComponent(() => import("./pages/Demo")),
});

// Setting up, for administrators.
const setup = createRoute({
  getParentRoute: () => root,
  path: "/setup",
  beforeLoad: () => {
    throw redirect({ to: "/setup/cameras" });
  },
});
const setupCameras = createRoute({
  getParentRoute: () => root,
  path: "/setup/cameras",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupCameras")),
});
const setupZones = createRoute({
  getParentRoute: () => root,
  path: "/setup/cameras/$store/$camera",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupZones")),
});
const setupStores = createRoute({
  getParentRoute: () => root,
  path: "/setup/stores",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupStores")),
});
const setupRegisters = createRoute({
  getParentRoute: () => root,
  path: "/setup/registers",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupRegisters")),
});
const setupOperators = createRoute({
  getParentRoute: () => root,
  path: "/setup/operators",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupOperators")),
});
const setupRules = createRoute({
  getParentRoute: () => root,
  path: "/setup/rules",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupRules")),
});
const setupUsers = createRoute({
  getParentRoute: () => root,
  path: "/setup/users",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupUsers")),
});
const setupTokens = createRoute({
  getParentRoute: () => root,
  path: "/setup/tokens",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/SetupTokens")),
});
const feeds = createRoute({
  getParentRoute: () => root,
  path: "/feeds",
  validateSearch: setupSearch,
  component: forAdmins(() => import("./pages/Feeds")),
});
const setups = [
  setup,
  setupCameras,
  setupZones,
  setupStores,
  setupRegisters,
  setupOperators,
  setupRules,
  setupUsers,
  setupTokens,
  feeds,
];

function NotFound() {
  return (
    <Empty title="There is no such page">
      <p>
        Go to the <a href="/alerts">review queue</a> or to <a href="/search">search</a>.
      </p>
    </Empty>
  );
}

function Broken({ error, reset }: ErrorComponentProps) {
  return <Failed error={error} retry={reset} />;
}

export const router = createRouter({
  routeTree: root.addChildren([
    index,
    queue,
    alerts.addChildren([review]),
    blind,
    rule,
    backtest,
    cases,
    oneCase,
    transaction,
    search,
    reports,
    cameras,
    matrix,
    risk,
    watch,
    demo,
    ...setups,
  ]),
  parseSearch: (address) => parseAddress(address),
  stringifySearch: writeAddress,
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  defaultPendingComponent: () => <Skeleton />,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
