// Requests to the server. Every failure becomes a `Problem` that says what happened and what to do.

export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;

  constructor(status: number, title: string, detail: string) {
    super(`${title}: ${detail}`);
    this.status = status;
    this.title = title;
    this.detail = detail;
  }

  // What the person can do about it.
  get cure(): string {
    if (this.status === 0) return "Check that the server runs and that you are connected, then try again.";
    if (this.status === 401) return "Sign in again.";
    if (this.status === 403) return "Ask an administrator if you need this.";
    if (this.status === 404) return "It may be of another store, or removed by retention. Go back and choose another.";
    if (this.status === 409)
      return "Somebody changed it meanwhile, or it is there already. The newest state is shown now; decide again.";
    if (this.status >= 500) return "Try again. If it stays, give the administrator this text.";
    return "Change what you asked for and try again.";
  }
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const body = (await response.json()) as { title?: string; detail?: string };
    return new Problem(response.status, body.title ?? `Error ${response.status}`, body.detail ?? "");
  } catch {
    return new Problem(
      response.status,
      `Error ${response.status}`,
      response.statusText || "The server gave no reason.",
    );
  }
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: "same-origin" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "The server does not answer", "The request did not get through.");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await request(path, { headers: { accept: "application/json" }, signal });
  return (await response.json()) as T;
}

export async function send<T>(method: "POST" | "PUT" | "PATCH" | "DELETE", path: string, body?: unknown): Promise<T> {
  const response = await request(path, {
    method,
    headers: { accept: "application/json", "content-type": "application/json", "x-tillsight": "1" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

// Asks for work that takes a while and can be stopped. The body is text already.
export async function work<T>(path: string, type: string, body: string, signal?: AbortSignal): Promise<T> {
  const headers = { accept: "application/json", "content-type": type, "x-tillsight": "1" };
  const response = await request(path, { method: "POST", headers, body, signal });
  return (await response.json()) as T;
}

// A query string without the parts that are empty.
export function queryString(parts: Record<string, string | number | null | undefined>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parts)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
