/** An answer of the API that says no, or none at all (`status` 0: offline, or the time ran out). */
export class ApiError extends Error {
  constructor(status, body) {
    super(body?.detail ?? body?.message ?? Object.values(body ?? {}).flat()[0] ?? "No answer from the server.");
    this.status = status;
    this.body = body;
  }

  /** Whether the same request may succeed later, unchanged. */
  get isTemporary() {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

const TIMEOUT_MS = 15_000;

/** The JSON API of this site, signed in by the cookie. Methods answer bodies, and raise ApiError. */
export class Api {
  #csrf = null;

  constructor({ origin = "", fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.origin = origin;
    this.fetch = fetch;
  }

  async get(path) {
    return (await this.#send(path)).body;
  }

  /** A POST; with `key` it may be repeated and still happens once. */
  async post(path, body = {}, { key = null } = {}) {
    try {
      return await this.#post(path, body, key);
    } catch (error) {
      if (error.status !== 403 || !error.message.startsWith("CSRF")) throw error;
      this.#csrf = null; // another tab logged in since
      return await this.#post(path, body, key);
    }
  }

  async #post(path, body, key) {
    this.#csrf ??= (await this.#send("/api/csrf/")).headers.get("X-CSRFToken");
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.#csrf };
    if (key !== null) headers["Idempotency-Key"] = key;
    return (await this.#send(path, { method: "POST", headers, body: JSON.stringify(body) })).body;
  }

  async #send(path, options = {}) {
    let response;
    let body;
    try {
      response = await this.fetch(this.origin + path, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
      body = await response.json();
    } catch {
      throw new ApiError(response === undefined || response.ok ? 0 : response.status, null);
    }
    if (!response.ok) throw new ApiError(response.status, body);
    return { body, headers: response.headers };
  }
}
