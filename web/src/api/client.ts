/** Requests to the server: JSON in and out, the CSRF token on every write, and errors as one kind of exception. */

/** The server's refusal, with its sentence for people. */
export class ApiError extends Error {
  override name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly facts: Readonly<Record<string, unknown>>,
  ) {
    super(message);
  }

  /** What is wrong with each field of a form. */
  get problems(): { field: string; error: string }[] {
    const problems = this.facts["problems"];
    return Array.isArray(problems) ? (problems as { field: string; error: string }[]) : [];
  }
}

/** No answer came: the network or the server is away. */
export class NoAnswer extends Error {
  override name = "NoAnswer";
}

let csrfToken: string | null = null;

export function setCsrfToken(token: string | null): void {
  csrfToken = token;
}

interface Answer<T> {
  readonly status: number;
  readonly body: T;
  readonly headers: Headers;
}

interface Extra {
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
  /** Sent even if the page is left meanwhile. */
  readonly keepsAlive?: boolean;
  /** Sent as it is, with this type, instead of JSON. */
  readonly raw?: { readonly body: BodyInit; readonly type: string };
}

const TIMEOUT_MS = 30_000;

export async function request<T>(method: string, path: string, body?: unknown, extra: Extra = {}): Promise<Answer<T>> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (extra.raw !== undefined) headers["Content-Type"] = extra.raw.type;
  else if (body !== undefined) headers["Content-Type"] = "application/json";
  if (method !== "GET" && csrfToken !== null) headers["X-CSRF-Token"] = csrfToken;
  if (extra.ifMatch !== undefined) headers["If-Match"] = extra.ifMatch;
  let response: Response;
  try {
    response = await fetch(`/api${path}`, {
      method, headers, credentials: "same-origin", keepalive: extra.keepsAlive ?? false,
      signal: extra.signal ?? AbortSignal.timeout(extra.raw === undefined ? TIMEOUT_MS : 30 * TIMEOUT_MS),
      ...(extra.raw !== undefined ? { body: extra.raw.body } : body !== undefined ? { body: JSON.stringify(body) } : {}),
    });
  } catch (error) {
    throw new NoAnswer("The server cannot be reached.", { cause: error });
  }
  const text = await response.text();
  const content = parse(text);
  if (!response.ok) throw makeError(response, content);
  return { status: response.status, body: content as T, headers: response.headers };
}

export const get = async <T>(path: string, signal?: AbortSignal): Promise<T> =>
  (await request<T>("GET", path, undefined, signal === undefined ? {} : { signal })).body;

export const post = async <T>(path: string, body: unknown = {}, extra?: Extra): Promise<T> =>
  (await request<T>("POST", path, body, extra)).body;

export const send = async <T>(method: "PUT" | "PATCH" | "DELETE", path: string, body?: unknown, extra?: Extra): Promise<T> =>
  (await request<T>(method, path, body, extra)).body;

/** A file of the server's, with the headers that say what is in it. */
export async function fetchFile(path: string): Promise<{ content: Blob; headers: Headers }> {
  let response: Response;
  try {
    response = await fetch(`/api${path}`, { credentials: "same-origin", signal: AbortSignal.timeout(30 * TIMEOUT_MS) });
  } catch (error) {
    throw new NoAnswer("The server cannot be reached.", { cause: error });
  }
  if (!response.ok) throw makeError(response, parse(await response.text()));
  return { content: await response.blob(), headers: response.headers };
}

function parse(text: string): unknown {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return null; // a proxy's page, not the server's answer
  }
}

function makeError(response: Response, content: unknown): ApiError {
  const facts = (content ?? {}) as Record<string, unknown>;
  const message = typeof facts["error"] === "string" ? facts["error"] : `The server answered ${response.status}.`;
  const retry = Number(response.headers.get("Retry-After"));
  return new ApiError(response.status, typeof facts["code"] === "string" ? facts["code"] : "unknown", message, {
    ...facts, ...(Number.isFinite(retry) && retry > 0 && facts["retry_after_s"] === undefined ? { retry_after_s: retry } : {}),
  });
}
