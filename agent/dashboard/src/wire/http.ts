import { heardNow } from "./clock";

/** An answer that is an error. `code` is one of docs/http-api.md, or "unreachable" where there was no answer. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly body: Record<string, unknown>;

  constructor(status: number, code: string, message: string, body: Record<string, unknown> = {}) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.body = body;
  }
}

type SignedOut = () => void;
let onSignedOut: SignedOut = () => {};

/** `told` hears of each answer that says that nobody is signed in. */
export function whenSignedOut(told: SignedOut): void {
  onSignedOut = told;
}

async function errorOf(answer: Response): Promise<ApiError> {
  const body = (await answer.json().catch(() => ({}))) as { error?: { code?: string; message?: string } };
  const code = body.error?.code ?? `http_${answer.status}`;
  if (answer.status === 401) {
    onSignedOut();
  }
  return new ApiError(answer.status, code, body.error?.message ?? `HTTP ${answer.status}`, body as Record<string, unknown>);
}

/** Sends a request; resolves with an answer of status 2xx, rejects with an ApiError or, when aborted, with an AbortError. */
export async function send(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new ApiError(0, "unreachable", "the observer does not answer");
  }
  if (!answer.ok) {
    throw await errorOf(answer);
  }
  return answer;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const answer = await send(path, { signal: signal ?? null });
  const value = (await answer.json()) as T & { now?: string };
  heardNow(value.now);
  return value;
}

export interface Change {
  method?: "POST" | "PUT" | "DELETE";
  body?: unknown;
  headers?: Record<string, string>;
  /** Makes a POST that is sent again the same one. */
  idempotencyKey?: string;
}

/** A change of state: with what a change by cookie needs. */
export async function change<T>(path: string, { method = "POST", body = {}, headers = {}, idempotencyKey }: Change = {}): Promise<T> {
  const all: Record<string, string> = { "Content-Type": "application/json", "X-Outrider": "1", ...headers };
  if (idempotencyKey !== undefined) {
    all["Idempotency-Key"] = idempotencyKey;
  }
  const answer = await send(path, { method, headers: all, body: method === "DELETE" ? null : JSON.stringify(body) });
  return (await answer.json()) as T;
}

/** A segment of a path: `/` in a name is a part of it. */
export function segment(name: string): string {
  return encodeURIComponent(name);
}
