// The hours of a business day by the store's clock: how much was rung in each, and where exceptions lie.
import { hourMinute } from "./time";

export type Hour = { hour: number; transactions: number; exceptions: number };

type Counted = { hour: number; transactions: number };
type Day = { from: string; hours: Counted[]; exceptions: { event_time: string }[] };

const hourOf = (at: string, zone: string) => Number(hourMinute(at, zone).slice(0, 2));

// All of them, in the order in which they come: the night after a day that ends at 4:00 is at its end.
export function hoursOfDay(day: Day, zone: string): Hour[] {
  const first = hourOf(day.from, zone);
  const all = Array.from({ length: 24 }, (_, at) => ({ hour: (first + at) % 24, transactions: 0, exceptions: 0 }));
  const of = (hour: number) => all[(hour - first + 24) % 24];
  for (const each of day.hours) {
    const found = of(each.hour);
    if (found) found.transactions += each.transactions;
  }
  for (const each of day.exceptions) {
    const found = of(hourOf(each.event_time, zone));
    if (found) found.exceptions += 1;
  }
  return all;
}

const span = (hour: number) => `${String(hour).padStart(2, "0")}:00 to ${String((hour + 1) % 24).padStart(2, "0")}:00`;

// What the chart shows, for those who do not see it.
export function hoursInWords(hours: readonly Hour[]): string {
  const sum = hours.reduce((all, each) => all + each.transactions, 0);
  const busiest = hours.reduce((most, each) => (each.transactions > most.transactions ? each : most));
  const marked = hours.filter((each) => each.exceptions > 0);
  const said = [
    `${sum} ${sum === 1 ? "transaction" : "transactions"} by the hour; most from ${span(busiest.hour)}, ${busiest.transactions}.`,
  ];
  if (marked.length > 0)
    said.push(`Exceptions: ${marked.map((each) => `${each.exceptions} from ${span(each.hour)}`).join(", ")}.`);
  return said.join(" ");
}
