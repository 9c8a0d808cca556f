// What has just been done, and its undo.
import type { ReactNode } from "react";
import { Key } from "./bits";
import { Failed } from "./states";

type Props = { said: ReactNode; failed: unknown; undo?: () => void };

export function Said({ said, failed, undo }: Props) {
  return (
    <>
      <div className="said" aria-live="polite">
        {said !== "" && (
          <p className="toast">
            <span>{said}</span>
            {undo && (
              <button type="button" className="button small" onClick={undo} title="Undo all of it (u)">
                Undo <Key>u</Key>
              </button>
            )}
          </p>
        )}
      </div>
      {failed !== null && <Failed error={failed} />}
    </>
  );
}
