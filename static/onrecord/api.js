/** An error answer of the API, or no answer at all (`status` 0: offline or timed out). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {Record<string, any> | null} body
   */
  constructor(status, body) {
    super(body?.detail ?? body?.message ?? Object.values(body ?? {}).flat()[0] ?? "No answer from the server.");
    this.status = status;
    this.body = body;
  }

  /** Whether the user has to log in again. */
  get isUnauthorized() {
    return this.status === 401 || this.status === 403;
  }
}

const TIMEOUT_MS = 15_000;

/** The JSON API of this site, authenticated by the session cookie. Methods return bodies and throw ApiError. */
export class Api {
  /** @type {string | null} */
  #csrf = null;

  constructor({ origin = "", fetch = globalThis.fetch.bind(globalThis) } = {}) {
    this.origin = origin;
    this.fetch = fetch;
  }

  /**
   * @param {string} path
   * @returns {Promise<any>}
   */
  async get(path) {
    return (await this.#send(path)).body;
  }

  /**
   * A POST; with `key` it may be repeated and still happens once.
   *
   * @param {string} path
   * @param {object} body
   * @param {{ key?: string | null }} options
   * @returns {Promise<any>}
   */
  async post(path, body = {}, { key = null } = {}) {
    try {
      return await this.#post(path, body, key);
    } catch (error) {
      const isCsrf = error instanceof ApiError && error.status === 403 && error.message.startsWith("CSRF");
      if (!isCsrf) throw error;
      this.#csrf = null; // another tab logged in since
      return await this.#post(path, body, key);
    }
  }

  /**
   * @param {string} path
   * @param {object} body
   * @param {string | null} key
   */
  async #post(path, body, key) {
    this.#csrf ??= (await this.#send("/api/csrf/")).headers.get("X-CSRFToken");
    const headers = new Headers({ "Content-Type": "application/json", "X-CSRFToken": this.#csrf ?? "" });
    if (key !== null) headers.set("Idempotency-Key", key);
    return (await this.#send(path, { method: "POST", headers, body: JSON.stringify(body) })).body;
  }

  /**
   * @param {string} path
   * @param {RequestInit} options
   */
  async #send(path, options = {}) {
    let response;
    /** @type {any} */
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
