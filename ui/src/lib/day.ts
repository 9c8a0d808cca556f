// What a daily report is about: a whole day or a part of it, with something in it or nothing.
import type { Report } from "../api/report";
import { day, dayWords, hourMinute } from "./time";

const WHOLE = { quiet: "Quiet day", look: "Look at this", blind: "We could not see" } as const;
const SO_FAR = { quiet: "quiet", look: "look at this", blind: "we could not see" } as const;

// "Quiet day"; while the day goes on "Today so far, until 08:56: look at this".
export function verdictWords({ business_day, to, over, verdict, store }: Report, now: Date): string {
  if (over) return WHOLE[verdict.level];
  const name = business_day === day(now, store.tz) ? "Today" : dayWords(`${business_day}T12:00:00Z`, "UTC");
  return `${name} so far, until ${hourMinute(to, store.tz)}: ${SO_FAR[verdict.level]}`;
}

// No record of a till, and no camera that was to record: of a camera that failed there is something to say.
export function hasNothing({ totals, sight, exceptions, more }: Report): boolean {
  const seen = sight.cameras.some((camera) => camera.uptime_permille !== null);
  return totals.transactions === 0 && exceptions.length === 0 && more === 0 && !seen;
}
