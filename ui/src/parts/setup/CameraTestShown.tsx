// What a test of a camera found: each step with its cure, the picture, the streams.
import type { CameraTest } from "../../api/setup";
import { capital, clockDifference, streamAdvice, streamWords } from "../../lib/setup";

export function CameraTestShown({ test }: { test: CameraTest }) {
  const clock = clockDifference(test.clock_difference_us);
  const firstBad = test.steps.find((each) => !each.ok);
  return (
    <section className="tested" aria-label="What the test found">
      <p className={test.reachable && !firstBad ? "good" : "bad"} role="status">
        <b>
          {!test.reachable
            ? "The camera cannot be used like this."
            : firstBad
              ? "Pictures come, but something is to be mended."
              : "Everything works."}
        </b>
      </p>
      <div className="halves">
        <ol className="steps">
          {test.steps.map((each) => (
            <li key={each.what} className={each.ok ? "good" : "bad"}>
              <span className="mark" aria-hidden="true">
                {each.ok ? "✓" : "✕"}
              </span>
              <div>
                <b>{capital(each.what)}</b> <span className="hidden">{each.ok ? "works" : "fails"}</span>
                {each.detail && <span className="detail"> {each.detail}</span>}
                {each.cure && <p className="cure">{each.cure}</p>}
              </div>
            </li>
          ))}
        </ol>
        <div>
          {test.snapshot ? (
            <img className="snapshot" src={test.snapshot} alt="What the camera shows now" />
          ) : (
            <p className="snapshot none">No picture</p>
          )}
          <dl className="facts">
            {test.onvif && (
              <>
                <dt>Device</dt>
                <dd>
                  {[test.onvif.manufacturer, test.onvif.model].filter(Boolean).join(" ") || "unnamed"}
                  {test.onvif.firmware && <small className="quiet"> firmware {test.onvif.firmware}</small>}
                </dd>
              </>
            )}
            {test.streams.map((each) => {
              const advice = streamAdvice(each);
              return (
                <div key={each.which} className="contents">
                  <dt>{each.which === "main" ? "Main" : "Sub"}</dt>
                  <dd>
                    {streamWords(each)}
                    {advice && <p className="warn">{advice}</p>}
                  </dd>
                </div>
              );
            })}
            <dt>Clock</dt>
            <dd className={clock.off ? "warn" : ""}>
              {clock.text}
              {clock.off && ". Let the camera take its time from the same NTP server as this machine."}
            </dd>
          </dl>
        </div>
      </div>
    </section>
  );
}
