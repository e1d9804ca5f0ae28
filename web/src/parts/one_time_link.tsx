/** A link that works once and is shown once, to be sent to somebody. */

import { useState } from "react";

export function OneTimeLink({ url, onDone }: { url: string; onDone: () => void }) {
  const [isCopied, setIsCopied] = useState(false);
  return (
    <div className="form">
      <p>Send this link. It works once, and is shown only now.</p>
      <p className="note link-out" data-testid="invitation">{url}</p>
      <div className="row end">
        {window.isSecureContext && (
          <button type="button" onClick={() => void navigator.clipboard.writeText(url).then(() => setIsCopied(true))}>{isCopied ? "Copied" : "Copy"}</button>
        )}
        <button type="button" className="primary" onClick={onDone}>Done</button>
      </div>
    </div>
  );
}
