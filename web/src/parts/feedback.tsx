/** What a page says while it has nothing to show: it waits, or something went wrong. */

import { ApiError } from "../api/client";

export function Loading({ what }: { what: string }) {
  return <p className="loading" role="status">Loading {what} …</p>;
}

export function describeError(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function Failure({ error, retry }: { error: unknown; retry?: () => void }) {
  return (
    <div className="failure" role="alert">
      <p>{describeError(error)}</p>
      {error instanceof ApiError && error.status === 401
        ? <a className="button" href="/">Log in again</a>
        : retry && <button type="button" onClick={retry}>Try again</button>}
    </div>
  );
}

/** A form's refusal, read out at once. */
export function FormError({ error }: { error: unknown }) {
  if (error == null) return null;
  const problems = error instanceof ApiError ? error.problems : [];
  return (
    <div className="form-error" role="alert">
      {problems.length > 0
        ? problems.map((one, k) => <p key={k}>{[one.field, one.error].filter(Boolean).join(": ")}</p>)
        : <p>{describeError(error)}</p>}
    </div>
  );
}
