/** The server's HTTP answers: the model's facts, and one photo's faces. Knows nothing of the page. */

/** What went wrong, in the server's words where it had any. */
export class ServerError extends Error {
  /**
   * @param {string} message
   * @param {{status?: number, code?: string, hint?: string, retryAfter_seconds?: number}} [facts]  Status 0: no answer.
   */
  constructor(message, { status = 0, code = "", hint = "", retryAfter_seconds = 0 } = {}) {
    super(message);
    this.status = status;
    this.code = code;
    this.hint = hint;
    this.retryAfter_seconds = retryAfter_seconds;
  }
}

/** An address of the server, also below a path of a proxy. @param {string} path */
export function addressOf(path) {
  return new URL(path, document.baseURI);
}

/** What the model is, and what the server takes. */
export function fetchModel() {
  return ask("v1/model", { cache: "no-store" });
}

/**
 * Whether the server takes a token.
 *
 * @param {string} token
 * @throws {ServerError}  It says something else.
 */
export async function tokenIsAccepted(token) {
  if (!/^[\x21-\x7e]+$/.test(token)) return false; // no header carries it
  try {
    await ask("v1/model", { cache: "no-store", headers: { Authorization: `Bearer ${token}` } });
    return true;
  } catch (error) {
    if (error instanceof ServerError && error.status === 401) return false;
    throw error;
  }
}

/**
 * The faces of one photo.
 *
 * @param {Blob} photo
 * @param {{token: string | null, signal?: AbortSignal}} options
 */
export function predict(photo, { token, signal }) {
  /** @type {Record<string, string>} */
  const headers = { "Content-Type": photo.type || "application/octet-stream" };
  if (token) headers.Authorization = `Bearer ${token}`;
  return ask("v1/predict", { method: "POST", body: photo, headers, signal });
}

/**
 * What the server says of several photos: for each its prediction or its error.
 *
 * @param {File[]} photos
 * @param {{token: string | null, signal: AbortSignal}} options
 * @returns {Promise<{prediction?: any, error?: any}[]>}
 */
export async function predictMany(photos, { token, signal }) {
  const form = new FormData();
  for (const photo of photos) form.append("images", photo);
  /** @type {Record<string, string>} */
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  return (await ask("v1/predict/batch", { method: "POST", body: form, headers, signal })).results;
}

/**
 * @param {string} path
 * @param {RequestInit} options
 */
async function ask(path, options) {
  let response;
  try {
    response = await fetch(addressOf(path), options);
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ServerError("The server does not answer.", { hint: "Is mien serve still running?" });
  }
  if (!response.ok) throw await asError(response);
  return response.json();
}

/** @param {Response} response */
async function asError(response) {
  const body = await response.json().catch(() => ({}));
  const { code = "", message = `The server answered ${response.status}.`, hint = "" } = body.error ?? {};
  const retryAfter_seconds = Number(response.headers.get("Retry-After")) || 0;
  return new ServerError(message, { status: response.status, code, hint, retryAfter_seconds });
}
