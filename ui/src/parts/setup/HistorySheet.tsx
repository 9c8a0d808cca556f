// Who changed something when, and what.
import { useQuery } from "@tanstack/react-query";
import { type HistoryOf, historyQuery } from "../../api/setup";
import { StoreTime } from "../bits";
import { Failed, Skeleton } from "../states";
import { Dialog } from "./Dialog";
import { useHomeZone } from "./SetupPage";

type Props = { what: HistoryOf; id: string; store?: string; close: () => void };

export function HistorySheet({ what, id, store, close }: Props) {
  const query = useQuery(historyQuery(what, id, store));
  const zone = useHomeZone(store);
  return (
    <Dialog title={id ? `History of ${what} ${id}` : `History of every ${what}`} close={close}>
      {query.isError ? (
        <Failed error={query.error} retry={() => query.refetch()} />
      ) : query.isPending ? (
        <Skeleton rows={3} height={48} label="Loading the history" />
      ) : query.data.length === 0 ? (
        <p className="quiet">It has not been changed since it is known.</p>
      ) : (
        <ol className="changes">
          {query.data.map((each) => (
            <li key={`${each.version} ${each.at}`}>
              <p>{each.words}</p>
              <small className="quiet">
                <StoreTime at={each.at} zone={zone} form="full" />, by {each.by}, version {each.version}
              </small>
            </li>
          ))}
        </ol>
      )}
    </Dialog>
  );
}
