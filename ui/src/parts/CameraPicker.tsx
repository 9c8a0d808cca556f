// Which cameras of the store are shown: up to four. A few are buttons, many are a list that opens.
import type { Camera } from "../api/types";
import { MOST_CAMERAS } from "../lib/watch";

type Props = { cameras: Camera[]; chosen: string[]; choose: (ids: string[]) => void };

const FEW = 6;

export function CameraPicker({ cameras, chosen, choose }: Props) {
  const toggle = (id: string) => choose(chosen.includes(id) ? chosen.filter((each) => each !== id) : [...chosen, id]);
  const full = chosen.length >= MOST_CAMERAS;
  if (cameras.length <= FEW) {
    return (
      <div className="cameras" role="group" aria-label={`Cameras, at most ${MOST_CAMERAS}`}>
        {cameras.map((each) => (
          <button
            type="button"
            key={each.id}
            className="button small toggle"
            aria-pressed={chosen.includes(each.id)}
            disabled={full && !chosen.includes(each.id)}
            onClick={() => toggle(each.id)}
          >
            {each.name}
          </button>
        ))}
      </div>
    );
  }
  return (
    <details
      className="menu"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !event.currentTarget.open) return;
        event.preventDefault();
        event.currentTarget.open = false;
        event.currentTarget.querySelector("summary")?.focus();
      }}
      onBlur={(event) => {
        const to = event.relatedTarget;
        if (to && !event.currentTarget.contains(to)) event.currentTarget.open = false;
      }}
    >
      <summary className="button">
        {chosen.length} of {cameras.length} cameras
      </summary>
      <fieldset className="card">
        <legend className="quiet">At most {MOST_CAMERAS} at once</legend>
        {cameras.map((each) => (
          <label key={each.id}>
            <input
              type="checkbox"
              checked={chosen.includes(each.id)}
              disabled={full && !chosen.includes(each.id)}
              onChange={() => toggle(each.id)}
            />{" "}
            {each.name}
          </label>
        ))}
      </fieldset>
    </details>
  );
}
