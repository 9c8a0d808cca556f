// Setting up: the contract of /api/v1/setup, its requests and how long an answer holds. Administrators only.
import { queryOptions } from "@tanstack/react-query";
import { get, queryString, send, work } from "./http";
import { client } from "./queries";
import type { Instant, PresenceState, Role, Zone as ShownZone } from "./types";

export type PresenceBy = "own" | "camera" | "both" | "none";
export type ZoneKind = ShownZone["kind"];
export type Corner = [number, number];
type Changed = { version: number; valid_from: Instant; changed_by: string };

export type Stream = {
  which: "main" | "sub";
  codec: string | null;
  width: number | null;
  height: number | null;
  fps: number | null;
  gop_seconds: number | null;
  kbit_s: number | null;
};

export type SetCamera = Changed & {
  store_id: string;
  camera_id: string;
  name: string | null;
  url: string;
  sub_url: string | null;
  onvif: string | null;
  username: string | null;
  has_password: boolean;
  presence: PresenceBy;
  registers: string[];
  status: {
    connected: boolean | null;
    since: Instant | null;
    problem: string | null;
    last_frame_at: Instant | null;
  };
  streams: Stream[];
  clock_offset_us: number | null;
};

// What is sent: a password that is left out is kept, null removes it.
export type CameraDraft = {
  store_id: string;
  camera_id: string;
  name: string | null;
  url: string;
  sub_url: string | null;
  onvif: string | null;
  username: string | null;
  password?: string | null;
  presence: PresenceBy;
  version?: number;
};

export type CameraTest = {
  reachable: boolean;
  steps: { what: string; ok: boolean; detail: string; cure: string | null }[];
  urls: { main: string | null; sub: string | null; onvif: string | null };
  streams: Stream[];
  onvif: { manufacturer: string | null; model: string | null; firmware: string | null } | null;
  clock_difference_us: number | null;
  snapshot: string | null;
};

export type TestDraft = {
  url?: string;
  address?: string;
  username?: string;
  password?: string;
  store_id?: string;
  camera_id?: string;
};

export type ImportRow = {
  line: number;
  camera_id: string | null;
  outcome: "added" | "would_add" | "exists" | "refused";
  detail: string | null;
};

export type Found = { address: string; xaddr: string; name: string | null; hardware: string | null; known: boolean };
export type Discovery = { items: Found[]; note: string | null };

export type SetZone = Changed & {
  store_id: string;
  zone_id: string;
  camera_id: string;
  kind: ZoneKind;
  register_id: string | null;
  polygon: Corner[];
};

export type ZoneDraft = {
  camera_id: string;
  kind: ZoneKind;
  register_id: string | null;
  polygon: Corner[];
  version: number | null;
};

export type PresenceNow = {
  zone_id: string;
  camera_id: string;
  state: PresenceState;
  since: Instant | null;
  why: string | null;
  seen_at: Instant | null;
};

export type Change = { at: Instant; by: string; version: number; what: string; words: string };
export type HistoryOf = "camera" | "zone" | "store" | "register" | "operator" | "user" | "adjustment";

export type SetStore = Changed & {
  store_id: string;
  name: string;
  tz: string;
  currency: string;
  day_ends: string;
  closes: string | null;
  cameras: number;
  registers: number;
};

export type SetRegister = {
  store_id: string;
  register_id: string;
  name: string | null;
  kind: "staffed" | "self_checkout" | "service" | null;
  first_seen: Instant | null;
  last_record_at: Instant | null;
  zones: string[];
  version: number | null;
};

export type SetAdjustment = Changed & {
  adjustment_id: string;
  store_id: string | null;
  rule_id: string | null;
  numbers: { name: string; value: number }[];
  off: boolean;
  shadow: boolean;
  register_id: string | null;
  operator_id: string | null;
  note: string;
  until: Instant;
  over: boolean;
  problem: string | null;
};

export type AdjustmentDraft = Pick<
  SetAdjustment,
  "store_id" | "rule_id" | "numbers" | "off" | "shadow" | "register_id" | "operator_id" | "note" | "until"
>;

export type SetOperator = {
  store_id: string | null;
  operator_id: string;
  alias: string | null;
  user: string | null;
  active: boolean;
  last_record_at: Instant | null;
  version: number | null;
};

export type SetUser = {
  name: string;
  role: Role;
  stores: string[];
  email: string | null;
  operator_id: string | null;
  disabled: boolean;
  last_seen_at: Instant | null;
  sessions: number;
};

const BASE = "/api/v1/setup";
// Asked for again and again once there is an answer; a first failure stays to be read.
export const each = (ms: number) => (query: { state: { data: unknown } }) =>
  query.state.data === undefined ? (false as const) : ms;
const place = (...parts: string[]) => parts.map(encodeURIComponent).join("/");
const items = <T>(path: string, signal: AbortSignal) => get<{ items: T[] }>(path, signal).then((page) => page.items);

export const setCamerasQuery = (store?: string) =>
  queryOptions({
    queryKey: ["setup", "cameras", store ?? ""],
    queryFn: ({ signal }) => items<SetCamera>(`${BASE}/cameras${queryString({ store })}`, signal),
    refetchInterval: each(5_000),
  });

export const setZonesQuery = (store: string, camera: string) =>
  queryOptions({
    queryKey: ["setup", "zones", store, camera],
    queryFn: ({ signal }) => items<SetZone>(`${BASE}/zones${queryString({ store, camera })}`, signal),
    staleTime: 0,
  });

export const presenceQuery = (store: string) =>
  queryOptions({
    queryKey: ["presence", store],
    queryFn: ({ signal }) => items<PresenceNow>(`/api/v1/presence${queryString({ store })}`, signal),
    refetchInterval: 1_000,
    staleTime: 0,
  });

export const historyQuery = (what: HistoryOf, id: string, store?: string) =>
  queryOptions({
    queryKey: ["setup", "history", what, store ?? "", id],
    queryFn: ({ signal }) => items<Change>(`${BASE}/history${queryString({ what, store, id })}`, signal),
    staleTime: 0,
  });

export const setStoresQuery = queryOptions({
  queryKey: ["setup", "stores"],
  queryFn: ({ signal }) => items<SetStore>(`${BASE}/stores`, signal),
});

export const setRegistersQuery = (store?: string) =>
  queryOptions({
    queryKey: ["setup", "registers", store ?? ""],
    queryFn: ({ signal }) => items<SetRegister>(`${BASE}/registers${queryString({ store })}`, signal),
    refetchInterval: each(15_000),
  });

export const adjustmentsQuery = (store?: string) =>
  queryOptions({
    queryKey: ["setup", "adjustments", store ?? ""],
    queryFn: ({ signal }) => items<SetAdjustment>(`${BASE}/adjustments${queryString({ store })}`, signal),
  });

export const setOperatorsQuery = (store?: string) =>
  queryOptions({
    queryKey: ["setup", "operators", store ?? ""],
    queryFn: ({ signal }) => items<SetOperator>(`${BASE}/operators${queryString({ store })}`, signal),
    refetchInterval: each(15_000),
  });

export const setUsersQuery = queryOptions({
  queryKey: ["setup", "users"],
  queryFn: ({ signal }) => items<SetUser>(`${BASE}/users`, signal),
});

// After a change everything that shows it is asked for again, also the pages that only read.
export function changed(): Promise<unknown> {
  const stale = ["setup", "stores", "cameras", "coverage", "feeds", "tokens"];
  return client.invalidateQueries({ predicate: (query) => stale.includes(String(query.queryKey[0])) });
}

export const addCamera = (draft: CameraDraft) => send<SetCamera>("POST", `${BASE}/cameras`, draft);
export const changeCamera = (draft: CameraDraft) =>
  send<SetCamera>("PUT", `${BASE}/cameras/${place(draft.store_id, draft.camera_id)}`, draft);
export const removeCamera = (store: string, camera: string) =>
  send<void>("DELETE", `${BASE}/cameras/${place(store, camera)}`);
export const testCamera = (draft: TestDraft, signal?: AbortSignal) =>
  work<CameraTest>(`${BASE}/cameras/test`, "application/json", JSON.stringify(draft), signal);
export const importCameras = (csv: string, dry: boolean, signal?: AbortSignal) =>
  work<{ items: ImportRow[] }>(`${BASE}/cameras/import${dry ? "?dry_run=1" : ""}`, "text/csv", csv, signal);
export const discover = (seconds: number, signal?: AbortSignal) =>
  work<Discovery>(`${BASE}/discover`, "application/json", JSON.stringify({ seconds }), signal);

export const putZone = (store: string, zone: string, draft: ZoneDraft) =>
  send<SetZone>("PUT", `${BASE}/zones/${place(store, zone)}`, draft);
export const removeZone = (store: string, zone: string) => send<void>("DELETE", `${BASE}/zones/${place(store, zone)}`);

export type StoreDraft = Pick<SetStore, "store_id" | "name" | "tz" | "currency" | "day_ends" | "closes"> & {
  version?: number;
};
export const addStore = (draft: StoreDraft) => send<SetStore>("POST", `${BASE}/stores`, draft);
export const changeStore = (draft: StoreDraft) =>
  send<SetStore>("PUT", `${BASE}/stores/${place(draft.store_id)}`, draft);

export const changeRegister = (
  store: string,
  register: string,
  draft: Pick<SetRegister, "name" | "kind" | "version">,
) => send<SetRegister>("PUT", `${BASE}/registers/${place(store, register)}`, draft);
export const changeOperator = (operator: string, draft: Pick<SetOperator, "alias" | "user" | "active" | "version">) =>
  send<SetOperator>("PUT", `${BASE}/operators/${place(operator)}`, draft);

export type UserDraft = Pick<SetUser, "name" | "role" | "stores" | "email" | "operator_id" | "disabled">;
export const addUser = (draft: UserDraft) => send<SetUser>("POST", `${BASE}/users`, draft);
export const changeUser = ({ name, ...draft }: UserDraft) =>
  send<SetUser>("PUT", `${BASE}/users/${place(name)}`, draft);
export const setPassword = (name: string, password: string | null) =>
  send<{ password: string | null }>("POST", `${BASE}/users/${place(name)}/password`, { password });

export const addAdjustment = (draft: AdjustmentDraft) => send<SetAdjustment>("POST", `${BASE}/adjustments`, draft);
export const endAdjustment = (id: string) => send<void>("DELETE", `${BASE}/adjustments/${place(id)}`);
