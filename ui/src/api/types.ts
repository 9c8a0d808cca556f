// The HTTP contract, version 1. Instants are RFC 3339 UTC, money is minor units, ids are text.
import type { Rule } from "./rule";

export type Role = "analyst" | "manager" | "head_office" | "admin";
export type Severity = "info" | "low" | "medium" | "high" | "critical";
export type Disposition =
  | "confirmed"
  | "policy"
  | "operational"
  | "no_issue"
  | "duplicate"
  | "cannot_tell"
  | "follow_up"
  | "reopened";
// Why an alert was sent (the first three), or held back.
export type Sending = "sent" | "threshold" | "critical" | "severity" | "budget" | "demoted" | "shadow";
// What a store says of an alert from its report; it decides nothing.
export type Remark = "explained" | "look_at_it";
export type PresenceState = "present" | "absent" | "unknown";
export type Outcome = "fired" | "silent" | "indeterminate";
export type Instant = string;

export type Page<T> = { items: T[]; next_cursor: string | null };

export type Me = { name: string; role: Role; tenant: string; stores: string[] };

export type ClockOffset = {
  register_id: string;
  version: number;
  valid_from: Instant;
  offset_us: number;
  uncertainty_us: number;
  method: "unsynchronised" | "arrival" | "presence" | "drawer";
  samples: number;
  drift_ppb: number | null;
  measured_at: Instant | null;
  refusal: ClockRefusal | null;
};

// Why customers in front of a camera do not tell how far a till's clock is off.
export type ClockRefusal =
  | "too_few"
  | "coarse_times"
  | "ambiguous"
  | "one_sided"
  | "long_leads"
  | "inconsistent"
  | "clock_set"
  | "lost_fit";

export type Register = {
  id: string;
  name?: string | null;
  cameras: string[];
  zones: string[];
  clock: ClockOffset | null;
};

export type Store = { tenant: string; id: string; name: string; tz: string; currency: string; registers: Register[] };

export type Zone = {
  id: string;
  camera: string;
  kind: "customer" | "cashier" | "bagging" | "drawer" | "exit";
  register: string | null;
  polygon: [number, number][];
  version: number;
};

export type Camera = {
  store_id: string;
  id: string;
  name: string;
  state: "live" | "lost" | "unknown";
  since: Instant | null;
  // Why it is lost, as the reason of a gap.
  reason?: string | null;
  zones: Zone[];
  last_frame_at: Instant | null;
  recorded_from: Instant | null;
  recorded_to: Instant | null;
  analysed: boolean;
};

// The store asked, from its report, to look at an alert.
export type Asked = { at: Instant; by: string; report_day: string | null };

export type AlertSummary = {
  alert_id: string;
  revision: number;
  state: "standing" | "amended" | "retracted";
  store_id: string;
  register_id: string;
  operator_id: string | null;
  rule_id: string;
  severity: Severity;
  title: string;
  reason: string;
  amount_minor: number | null;
  currency: string | null;
  event_time: Instant;
  camera_time: Instant | null;
  raised_at: Instant;
  business_day: string | null;
  provisional: boolean;
  has_video: boolean;
  disposition: Disposition | null;
  reviewed_by: string | null;
  reviewed_at: Instant | null;
  item_id: string;
  assignee: string | null;
  // What it costs when it is what it looks like, times how often its rule was right.
  expected_minor: number | null;
  asked: Asked | null;
  // Whether people are told of it, and why.
  sent: boolean;
  sending: Sending;
  // With which chance it was picked from what was held back, 0 to 1; null when it was not.
  picked: number | null;
};

// Alerts of one operator and one piece of evidence.
export type QueueItem = {
  item_id: string;
  head: AlertSummary;
  members: AlertSummary[];
  amount_minor: number | null;
  currency: string | null;
  expected_minor: number | null;
  assignee: string | null;
  // The last time that the store asked to look at one of them.
  asked: Asked | null;
};
export type QueuePage = Page<QueueItem> & { total: number };

export type Decided = {
  alert_id: string;
  outcome: "decided" | "changed" | "unknown";
  detail: string | null;
  alert: AlertSummary | null;
};
export type Expected = { p: number; confirmed: number; decided: number; words: string };
export type Assignment = { at: Instant; by: string; assignee: string | null };
export type PersonName = { name: string; role: Role };

export type CaseStatus = "new" | "in_progress" | "prevented" | "confirmed" | "resolved";
export type CaseName = { case_id: string; number: number; title: string; status: CaseStatus };
export type CaseSummary = CaseName & {
  owner: string | null;
  stores: string[];
  loss_minor: number | null;
  recovered_minor: number | null;
  currency: string | null;
  alerts: number;
  receipts: number;
  clips: number;
  notes: number;
  created_by: string;
  created_at: Instant;
  updated_at: Instant;
  revision: number;
};
export type CasePage = Page<CaseSummary> & { total: number };
export type CaseReceipt = {
  event_id: string;
  store_id: string;
  register_id: string;
  operator_id: string | null;
  receipt_no: string | null;
  event_time: Instant;
  kind: string;
  total_minor: number | null;
  currency: string | null;
};
export type CaseClip = {
  store_id: string;
  camera_id: string;
  from_at: Instant;
  to_at: Instant;
  play_url: string | null;
  // Why there is no video, or not all of it.
  note: string | null;
};
export type CaseItem = {
  item_id: string;
  kind: "alert" | "receipt" | "clip" | "note";
  store_id: string | null;
  alert: AlertSummary | null;
  receipt: CaseReceipt | null;
  clip: CaseClip | null;
  text: string | null;
  added_by: string;
  added_at: Instant;
};
export type PersonPart = "subject" | "witness" | "reporter" | "manager" | "other";
export type PersonKind = "operator" | "customer" | "employee" | "other";
export type CasePerson = {
  person_id: string;
  role: PersonPart;
  kind: PersonKind;
  operator_id: string | null;
  name: string | null;
  note: string | null;
};
export type CaseEntry = { at: Instant; by: string; what: string; detail: string };
export type CaseDetail = CaseSummary & {
  summary_text: string;
  items: CaseItem[];
  people: CasePerson[];
  history: CaseEntry[];
  saves: boolean;
};

export type SavedSearch = {
  search_id: string;
  name: string;
  q: string;
  shared: boolean;
  owner: string;
  mine: boolean;
  created_at: Instant;
  updated_at: Instant;
  count: number;
  new_count: number;
};

export type Fact = { name: string; value: string };

export type ClockStatement = {
  offset_us: number;
  uncertainty_us: number;
  method: string;
  samples: number;
  version: number;
  words: string;
};

export type SeenSpan = {
  zone_id: string;
  zone_kind: string;
  start_at: Instant;
  end_at: Instant;
  state: PresenceState;
  blind: string | null;
  source: string;
};

export type Evidence = { camera_id: string | null; from_at: Instant; to_at: Instant; note: string | null };

// A number of a rule as it held for an alert, and with which others there would have been none.
export type AlertNumber = {
  name: string;
  unit: string;
  value: number;
  at_most: number | null;
  at_least: number | null;
};

// Where an event of an alert came in.
export type AlertRecord = { event_id: string; topic: string; partition: number; offset: number };

export type Alert = {
  rule_version: string;
  facts: Fact[];
  // All three are empty for alerts of before they were carried.
  numbers: AlertNumber[];
  records: AlertRecord[];
  counterfactual: string[];
  clock: ClockStatement;
  evidence: Evidence[];
  seen: SeenSpan[];
  event_ids: string[];
  anchor_event_id: string;
};

export type Line = {
  line_no: number;
  action: string;
  description: string | null;
  gtin: string | null;
  qty_milli: number | null;
  uom: string | null;
  unit_price_minor: number | null;
  regular_price_minor: number | null;
  extended_minor: number | null;
  discount_minor: number | null;
  price_override: boolean;
  department: string | null;
  at: Instant | null;
  camera_at: Instant | null;
};

export type Tender = {
  tender_no: number;
  tender_type: string;
  amount_minor: number;
  direction: string;
  change_minor: number | null;
  pan_masked: string | null;
};

export type Transaction = {
  event_id: string;
  store_id: string;
  register_id: string;
  operator_id: string | null;
  supervisor_id: string | null;
  kind: string;
  kind_raw: string | null;
  receipt_no: string | null;
  sequence_no: string | number | null;
  revision: number;
  replaces: string | null;
  business_day: string | null;
  event_time: Instant;
  begin_time: Instant | null;
  event_time_raw: string;
  camera_time: Instant | null;
  currency: string;
  gross_minor: number | null;
  net_minor: number | null;
  tax_minor: number | null;
  total_minor: number | null;
  training: boolean;
  lines: Line[];
  tenders: Tender[];
  receipt_text: string | null;
};

export type Gap = { start_at: Instant; end_at: Instant; reason: string };

export type Video = {
  camera_id: string | null;
  camera_name: string | null;
  from_at: Instant;
  to_at: Instant;
  event_at: Instant;
  // Time 0 of the file.
  starts_at: Instant | null;
  clip_url: string | null;
  play_url: string | null;
  poster_url: string | null;
  note: string | null;
  gaps: Gap[];
};

export type Box = {
  track_id: string | number | null;
  label: string;
  score_milli: number;
  left: number;
  top: number;
  right: number;
  bottom: number;
};
export type Look = { at: Instant; camera_id?: string; boxes: Box[] };

export type Review = {
  review_id: string;
  alert_id: string;
  alert_revision: number;
  disposition: Disposition | Remark;
  note: string | null;
  reviewer: string;
  reviewed_at: Instant;
};

export type Judgement = {
  judgement_id: string;
  store_id: string;
  register_id: string;
  operator_id: string | null;
  anchor_event_id: string;
  event_time: Instant;
  rule_id: string;
  rule_version: string;
  outcome: Outcome;
  why: string;
  provisional: boolean;
  judged_at: Instant;
};

export type BlindReason = { store_id: string; rule_id: string; why: string; count: number };
export type BlindPage = Page<Judgement> & { from: Instant; reasons: BlindReason[] };

export type JournalEntry = {
  event_id: string;
  kind: string;
  event_time: Instant;
  register_id: string;
  operator_id: string | null;
  receipt_no: string | null;
  total_minor: number | null;
  currency: string | null;
  lines: number;
  training: boolean;
  asked: boolean;
  replaces: string | null;
  replaced_by: string | null;
  verdicts: Judgement[];
};

export type Journal = { store_id: string; from: Instant; to: Instant; entries: JournalEntry[]; problems: string[] };

export type AlertDetail = AlertSummary & {
  alert: Alert;
  rule: Rule;
  transaction: Transaction | null;
  related: Transaction[];
  video: Video[];
  presence: SeenSpan[];
  zones: Zone[];
  boxes: Look[];
  reviews: Review[];
  // What the store said of the other alerts of the item.
  said: Review[];
  verdicts: Judgement[];
  item: QueueItem;
  expected: Expected | null;
  assignments: Assignment[];
  cases: CaseName[];
};

export type TransactionDetail = {
  transaction: Transaction;
  replaced_by: string | null;
  cases: CaseName[];
  alerts: AlertSummary[];
  verdicts: Judgement[];
  video: Video[];
  presence: SeenSpan[];
  boxes: Look[];
  zones: Zone[];
};

export type Hit = {
  kind: "alert" | "receipt";
  id: string;
  alert_id: string | null;
  event_id: string;
  store_id: string;
  register_id: string;
  operator_id: string | null;
  event_time: Instant;
  type: string;
  rule_id: string | null;
  severity: Severity | null;
  title: string;
  amount_minor: number | null;
  currency: string | null;
  snippet: string;
  disposition: Disposition | null;
  replaces: string | null;
  replaced_by: string | null;
};

export type FacetName = "rule" | "type" | "store" | "register" | "operator" | "disposition";
export type Facet = { value: string; count: number };
export type Bucket = { start_at: Instant; end_at: Instant; alerts: number; receipts: number };

export type SearchPage = Page<Hit> & {
  total: number;
  took_ms: number;
  facets: Record<FacetName, Facet[]>;
  histogram: Bucket[];
  problems: string[];
};

export type PresenceSpan = { start_at: Instant; end_at: Instant; state: PresenceState; blind: string | null };

export type Coverage = {
  store_id: string;
  from: Instant;
  to: Instant;
  cameras: {
    camera_id: string;
    name: string;
    scheduled_seconds: number;
    recorded_seconds: number;
    gap_seconds: number;
    spans: { start_at: Instant; end_at: Instant; kind: "recorded" | "gap"; reason: string | null }[];
    presence: {
      zone_id: string;
      present_seconds: number;
      absent_seconds: number;
      unknown_seconds: number;
      spans: PresenceSpan[];
    }[];
  }[];
  registers: {
    register_id: string;
    last_event_at: Instant | null;
    transactions: number;
    lag_ms_p95: number | null;
    clock: ClockOffset | null;
  }[];
  rules: {
    rule_id: string;
    fired: number;
    silent: number;
    indeterminate: number;
    state: "live" | "degraded" | "blind";
    why: string | null;
  }[];
  quarantined: number;
  problems: string[];
};

export type DemoCase = {
  scenario: string;
  case: string;
  expected_rule: string | null;
  why: string;
  true_time: Instant;
  register_id: string;
  state: "waiting" | "found" | "missed" | "silent_as_expected" | "false_alarm";
  alert_id: string | null;
};
export type Demo = {
  expected: DemoCase[];
  till: { register_id: string; clock_ahead_seconds: number };
  cameras: { id: string; plugged: boolean; zone_now: PresenceState | null }[];
};
