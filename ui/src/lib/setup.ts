// What the pages of the set-up say in words, and what is wrong with a form before it is sent.
import type {
  CameraDraft,
  PresenceBy,
  SetCamera,
  SetStore,
  SetUser,
  StoreDraft,
  Stream,
  UserDraft,
  ZoneKind,
} from "../api/setup";
import type { Role } from "../api/types";
import { addressFault, isName, isUrl, NAME_RULE } from "./csv";

export type Faults<T> = Partial<Record<keyof T & string, string>>;

// H.264 1920×1080, 25 fps, key frame each 2 s, 3.1 Mbit/s
export function streamWords(stream: Stream | undefined): string {
  if (!stream) return "Not known yet";
  const parts = [
    [stream.codec, stream.width && stream.height ? `${stream.width}×${stream.height}` : null].filter(Boolean).join(" "),
    stream.fps === null ? "" : `${round(stream.fps)} fps`,
    stream.gop_seconds === null ? "" : `key frame each ${round(stream.gop_seconds)} s`,
    stream.kbit_s === null ? "" : `${round(stream.kbit_s / 1000)} Mbit/s`,
  ].filter(Boolean);
  return parts.length ? parts.join(", ") : "Not known yet";
}

function round(value: number): string {
  return String(Math.round(value * 10) / 10);
}

// “main stream” → “Main stream”; ONVIF stays as it is.
export function capital(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}

// What is to be minded about a stream.
export function streamAdvice(stream: Stream): string | null {
  if (stream.gop_seconds !== null && stream.gop_seconds > 4)
    return `A key frame comes only each ${round(stream.gop_seconds)} s: video starts late. Set the camera's key frame (GOP, I-frame) interval to 1 or 2 s.`;
  if (stream.which === "sub" && stream.codec !== null && !/264|avc/i.test(stream.codec))
    return `${stream.codec} cannot be analysed. Set the camera's second stream to H.264.`;
  if (stream.fps !== null && stream.fps < 5)
    return `${round(stream.fps)} frames a second miss quick hands. Set 10 or more.`;
  return null;
}

// The camera's clock against ours: how far it is ahead.
export function clockDifference(us: number | null): { text: string; off: boolean } {
  if (us === null) return { text: "Not measured", off: false };
  const size = Math.abs(us) / 1_000_000;
  if (size < 0.5) return { text: "In step", off: false };
  const amount =
    size < 10 ? `${size.toFixed(1)} s` : size < 120 ? `${Math.round(size)} s` : `${Math.round(size / 60)} min`;
  return { text: `${amount} ${us > 0 ? "ahead" : "behind"}`, off: size >= 2 };
}

export const PRESENCE_BY: readonly (readonly [PresenceBy, string])[] = [
  ["own", "Tillsight looks at the pictures"],
  ["camera", "The camera's own analytics (ONVIF)"],
  ["both", "Both: nobody is there only if both say so"],
  ["none", "Nobody: record only"],
];

export const ZONE_KINDS: Record<ZoneKind, { name: string; help: string }> = {
  customer: { name: "Customer", help: "Where the customer stands at the till" },
  cashier: { name: "Cashier", help: "Where the operator stands" },
  bagging: { name: "Bagging", help: "Where goods lie after they were scanned" },
  drawer: { name: "Drawer", help: "The cash drawer" },
  exit: { name: "Exit", help: "A door; belongs to no register" },
};

export const ROLES: Record<Role, { name: string; may: string }> = {
  analyst: {
    name: "Analyst",
    may: "Sees video, decides about alerts, builds cases, saves evidence. Cannot set anything up.",
  },
  manager: {
    name: "Store manager",
    may: "Reads the reports, alerts and video of the stores named here, and says what is known of an alert. Decides nothing. Needs at least one store.",
  },
  head_office: {
    name: "Head office",
    may: "Asks questions in SQL and reads the reports. Sees no video and decides nothing.",
  },
  admin: {
    name: "Administrator",
    may: "All that an analyst may, and sets up cameras, stores, people and tokens.",
  },
};

export type CameraForm = {
  store_id: string;
  camera_id: string;
  name: string;
  url: string;
  sub_url: string;
  // The device service, where its events and its clock are asked for.
  onvif: string;
  username: string;
  // Null keeps the one that is stored.
  password: string | null;
  presence: PresenceBy;
};

export function cameraForm(camera: SetCamera): CameraForm {
  return {
    store_id: camera.store_id,
    camera_id: camera.camera_id,
    name: camera.name ?? "",
    url: camera.url,
    sub_url: camera.sub_url ?? "",
    onvif: camera.onvif ?? "",
    username: camera.username ?? "",
    password: camera.has_password ? null : "",
    presence: camera.presence,
  };
}

function streamFault(url: string): string | null {
  const fault = addressFault(url);
  if (fault) return sentence(fault);
  return /^rtsp:\/\//i.test(url) ? null : "A stream's URL begins with rtsp://";
}

function sentence(text: string): string {
  return `${capital(text)}.`;
}

export function cameraFaults(form: CameraForm, known: readonly SetCamera[], fresh: boolean): Faults<CameraForm> {
  const faults: Faults<CameraForm> = {};
  if (form.store_id === "") faults.store_id = "Choose the store it hangs in.";
  if (form.camera_id === "") faults.camera_id = "It needs an id, for example till-3.";
  else if (!isName(form.camera_id)) faults.camera_id = `Use ${NAME_RULE}.`;
  else if (fresh && known.some((each) => each.store_id === form.store_id && each.camera_id === form.camera_id))
    faults.camera_id = "This store has a camera of that id already.";
  if (form.url === "") faults.url = "Test the address, or write the URL of the main stream.";
  else {
    const fault = streamFault(form.url);
    if (fault) faults.url = fault;
    const twin = known.find(
      (each) => each.store_id === form.store_id && each.camera_id !== form.camera_id && each.url === form.url,
    );
    if (twin) faults.url = `Camera ${twin.camera_id} records this stream already.`;
  }
  if (form.sub_url !== "") {
    const fault = streamFault(form.sub_url);
    if (fault) faults.sub_url = fault;
    else if (form.sub_url === form.url)
      faults.sub_url = "This is the main stream. Leave it empty if there is no second one.";
  }
  if (form.password && form.username === "") faults.username = "A password needs a user name.";
  return faults;
}

export function cameraDraft(form: CameraForm, version?: number): CameraDraft {
  const draft: CameraDraft = {
    store_id: form.store_id,
    camera_id: form.camera_id,
    name: form.name.trim() || null,
    url: form.url,
    sub_url: form.sub_url || null,
    onvif: form.onvif.trim() || null,
    username: form.username || null,
    presence: form.presence,
  };
  if (form.password !== null) draft.password = form.password || null;
  if (version !== undefined) draft.version = version;
  return draft;
}

// An id for a new camera: from its address, else a number.
export function suggestId(known: readonly { camera_id: string }[], address: string): string {
  const host = /^(?:[a-z]+:\/\/)?\[?([^\]/:]+)/i.exec(address)?.[1] ?? "";
  const last = /\.(\d{1,3})$/.exec(host)?.[1];
  const stem = last ? `cam-${last}` : isName(host) && host !== "" ? (host.split(".")[0] ?? "cam") : "cam";
  const taken = new Set(known.map((each) => each.camera_id));
  if (stem !== "cam" && !taken.has(stem)) return stem;
  for (let number = 1; ; number++) {
    const name = `${stem}-${number}`;
    if (!taken.has(name)) return name;
  }
}

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;

export function storeFaults(form: StoreDraft, known: readonly SetStore[], fresh: boolean): Faults<StoreDraft> {
  const faults: Faults<StoreDraft> = {};
  if (!isName(form.store_id)) faults.store_id = `Use ${NAME_RULE}; it is what tills send.`;
  else if (fresh && known.some((each) => each.store_id === form.store_id))
    faults.store_id = "There is a store of that id.";
  if (form.name.trim() === "") faults.name = "It needs a name that people know.";
  if (form.tz === "") faults.tz = "Choose the zone that the clocks on its wall show.";
  if (!/^[A-Z]{3}$/.test(form.currency)) faults.currency = "Three letters, such as USD or EUR.";
  if (!TIME.test(form.day_ends)) faults.day_ends = "A time such as 04:00.";
  if (form.closes !== null && !TIME.test(form.closes)) faults.closes = "A time such as 21:30, or nothing.";
  return faults;
}

// `stores` is null for all of them.
export function userFaults(
  form: UserDraft,
  stores: readonly string[] | null,
  known: readonly SetUser[],
  fresh: boolean,
): Faults<UserDraft> {
  const faults: Faults<UserDraft> = {};
  if (form.name === "") faults.name = "It needs a name to sign in with.";
  else if (!/^[\p{L}\p{N}._@-]{1,64}$/u.test(form.name))
    faults.name = "Use letters, digits, “.”, “_”, “-” or “@”, without spaces.";
  else if (fresh && known.some((each) => each.name === form.name)) faults.name = "There is a user of that name.";
  if (form.role === "manager" && !stores?.length) faults.stores = "A store manager needs at least one store.";
  else if (stores?.length === 0) faults.stores = "Tick at least one store, or all of them.";
  if (form.email && !/^[^\s@]+@[^\s@]+$/.test(form.email)) faults.email = "This is no e-mail address.";
  return faults;
}

// Nobody can take the last administrator away, and the server refuses it; the form says so before.
export function isLastAdmin(user: SetUser, users: readonly SetUser[]): boolean {
  const admins = users.filter((each) => each.role === "admin" && !each.disabled);
  return admins.length === 1 && admins[0]?.name === user.name;
}

export function hasFaults(faults: object): boolean {
  return Object.keys(faults).length > 0;
}

export { isUrl };
