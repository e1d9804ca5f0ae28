/** Every version of a segment: who, when, what, and why. */

import { useHistory } from "../api/lead_queries";
import { formatDateTime } from "../parts/dates";
import { Dialog } from "../parts/dialog";
import { Failure, Loading } from "../parts/feedback";
import { useWork } from "./context";

export function HistoryDialog({ segmentId, onClose }: { segmentId: string; onClose: () => void }) {
  const { codebook } = useWork();
  const history = useHistory(segmentId);
  return (
    <Dialog title="History of this segment" onClose={onClose}>
      {history.isPending && <Loading what="the history" />}
      {history.isError && <Failure error={history.error} />}
      <ol className="history">
        {history.data?.map((one, k) => {
          const before = history.data[k - 1];
          const said = [
            before?.start_frame !== one.start_frame || before.end_frame !== one.end_frame ? `frames ${one.start_frame} to ${one.end_frame - 1}` : "",
            before?.label !== one.label && one.label !== null ? codebook.getName(one.label) : "",
            before?.discard !== one.discard && one.discard !== null ? `discarded: ${one.discard}` : "",
            one.is_deleted ? "deleted" : "",
          ].filter(Boolean).join("; ");
          return (
            <li key={one.version}>
              <p><strong>{(one.kind ?? "made").replaceAll("_", " ")}</strong> {said}</p>
              <p className="faint">version {one.version}, {one.author.name}, {formatDateTime(one.time)}{one.reason === null ? "" : `, because: ${one.reason}`}</p>
            </li>
          );
        })}
      </ol>
    </Dialog>
  );
}
