// How far the clock of a till is from the cameras', in words and in milliseconds.
import type { ClockOffset, ClockRefusal, Instant } from "../api/types";

const WHY: Record<ClockRefusal, string> = {
  too_few: "too few customers were seen",
  coarse_times: "the till's times are cut off to more than two seconds",
  ambiguous: "several offsets fit about as well",
  one_sided: "customers are seen to come or to leave, not both",
  long_leads: "customers stand in the zone for long before or after they are served",
  inconsistent: "one part of the time says something else than another",
  clock_set: "the till's clock was set",
  lost_fit: "what is seen no longer fits what is rung",
};
const FROM: Record<ClockOffset["method"], string> = {
  unsynchronised: "",
  arrival: "records' arrival",
  presence: "customers who came and left",
  drawer: "openings of the drawer and customers",
};
const DAY_S = 86_400;

function seconds(us: number): string {
  const value = Math.abs(us) / 1_000_000;
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
}

export function clockWords(clock: ClockOffset | null): string {
  if (!clock) return "Not measured yet";
  const bound = `± ${seconds(clock.uncertainty_us)}`;
  if (clock.method === "unsynchronised") return `Not synchronised, ${bound}`;
  const from = `from ${clock.samples} ${FROM[clock.method]}`;
  // The offset is what is added to the till's time, so a negative one means that the till is ahead.
  if (Math.abs(clock.offset_us) < 50_000) return `In step ${bound}, ${from}`;
  return `Till ${seconds(clock.offset_us)} ${clock.offset_us < 0 ? "ahead" : "behind"} ${bound}, ${from}`;
}

// What else is known: how fast it drifts, and why customers tell nothing. Empty when there is nothing to say.
export function clockNotes(clock: ClockOffset | null): string {
  const notes: string[] = [];
  const daily = ((clock?.drift_ppb ?? 0) / 1_000) * DAY_S;
  if (Math.abs(daily) >= 50_000) notes.push(`${daily > 0 ? "loses" : "gains"} ${seconds(daily)} a day`);
  if (clock?.refusal) notes.push(`customers do not tell: ${WHY[clock.refusal]}`);
  return notes.join("; ");
}

// What is added to an instant of the till's clock to have the cameras', in milliseconds.
export function addedMs(clock: ClockOffset | null, at: Instant): number {
  if (!clock) return 0;
  const passed = Date.parse(at) - Date.parse(clock.measured_at ?? clock.valid_from);
  return clock.offset_us / 1_000 + (passed * (clock.drift_ppb ?? 0)) / 1_000_000_000;
}
