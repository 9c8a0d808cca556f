// Chooses a time zone: those that stores have already first, then all, each with the time there now.
import { useEffect, useMemo, useState } from "react";
import { full } from "../../lib/time";
import { offsetWords, type TimeZone, timeZones } from "../../lib/zones";
import { Field } from "./Field";

type Props = { value: string; used: readonly string[]; change: (zone: string) => void; fault?: string | null };

export function TimeZoneField({ value, used, change, fault }: Props) {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), 1000);
    return () => clearInterval(timer);
  }, []);
  const minute = Math.floor(now.getTime() / 60_000);
  const zones = useMemo(() => timeZones(new Date(minute * 60_000), [value]), [minute, value]);
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const near = zones.filter((each) => each.id === here || used.includes(each.id));
  const regions = grouped(zones);
  const option = (each: TimeZone, long: boolean) => (
    <option key={each.id} value={each.id}>
      {long ? each.id : each.city} · {each.now} ({offsetWords(each.offset)})
    </option>
  );
  return (
    <Field
      label="Time zone"
      hint={value ? <>There it is now {full(now, value)}. Summer time is kept by itself.</> : undefined}
      fault={fault}
    >
      {(given) => (
        <select {...given} value={value} onChange={(event) => change(event.target.value)}>
          {value === "" && <option value="">Choose a zone</option>}
          <optgroup label="Used by stores, and yours">{near.map((each) => option(each, true))}</optgroup>
          {[...regions].map(([region, each]) => {
            // An option that is twice in the list is chosen where it stands first.
            const rest = each.filter((zone) => !near.includes(zone));
            return (
              rest.length > 0 && (
                <optgroup key={region} label={region}>
                  {rest.map((zone) => option(zone, false))}
                </optgroup>
              )
            );
          })}
        </select>
      )}
    </Field>
  );
}

function grouped(zones: readonly TimeZone[]): Map<string, TimeZone[]> {
  const map = new Map<string, TimeZone[]>();
  for (const each of zones) map.set(each.region, [...(map.get(each.region) ?? []), each]);
  return map;
}
