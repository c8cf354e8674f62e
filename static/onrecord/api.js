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

  /** Whether the user has to log in again. A 403 with a code is about a role in the room. */
  get isUnauthorized() {
    return this.status === 401 || (this.status === 403 && this.body?.code === undefined);
  }

  /** Whether another user has logged in since, in the same browser. */
  get isOtherUser() {
    return this.body?.code === "other_user";
  }

  /** Whether what the page shows is not in the log: that went back, and the page has to be loaded again. */
  get isOtherLog() {
    return this.body?.code === "log_restarted";
  }

  /** Whether a page gets no more answers until it is loaded again. */
  get isEnd() {
    return this.isUnauthorized || this.isOtherUser || this.isOtherLog;
  }

  /** Whether the same request will be refused again. No answer, a log-in, too fast or "not now" are different. */
  get isFinal() {
    const isLater = [0, 408, 425, 429].includes(this.status) || this.status > 500;
    return !isLater && !this.isUnauthorized && !this.isOtherUser;
  }
}

const TIMEOUT_MS = 15_000;

/** @param {Response} response @returns {Promise<any>} */
const json = (response) => response.json();

/**
 * The JSON API of this site, authenticated by the session cookie. Methods return bodies and throw ApiError. Each
 * request says for which user it is meant, so that none is carried out for another one who has logged in since.
 */
export class Api {
  /** @type {string | null} */
  #csrf = null;

  /**
   * @param {object} options
   * @param {number} options.userId
   * @param {(build: string | null) => void} [options.onBuild] called with each answer's version of the program
   * @param {string} [options.origin]
   * @param {typeof globalThis.fetch} [options.fetch]
   */
  constructor({ userId, onBuild = () => {}, origin = "", fetch = globalThis.fetch.bind(globalThis) }) {
    this.userId = userId;
    this.onBuild = onBuild;
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
   * A file.
   *
   * @param {string} path
   * @returns {Promise<string>}
   */
  async text(path) {
    return (await this.#send(path, {}, (response) => response.text())).body;
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
    return (await this.record(path, body, { key })).body;
  }

  /**
   * A POST as above, and where in the log is what it recorded.
   *
   * @param {string} path
   * @param {object} body
   * @param {{ key?: string | null }} options
   * @returns {Promise<{ body: any, position: number, log?: string }>}
   */
  async record(path, body = {}, { key = null } = {}) {
    return await this.change("POST", path, body, { key });
  }

  /**
   * The same with any method that changes something.
   *
   * @param {string} method
   * @param {string} path
   * @param {object} body
   * @param {{ key?: string | null }} options
   * @returns {Promise<{ body: any, position: number, log?: string }>}
   */
  async change(method, path, body = {}, { key = null } = {}) {
    return await this.withCsrf((csrf) => this.#change(method, path, body, { key, csrf }));
  }

  /**
   * Make a request that needs the CSRF token; once more where it was refused, as another tab has logged in since.
   *
   * @template T
   * @param {(csrf: string) => Promise<T>} request throws ApiError
   * @returns {Promise<T>}
   */
  async withCsrf(request) {
    try {
      return await request(await this.#csrfToken());
    } catch (error) {
      const isCsrf = error instanceof ApiError && error.status === 403 && error.message.startsWith("CSRF");
      if (!isCsrf) throw error;
      this.#csrf = null;
      return await request(await this.#csrfToken());
    }
  }

  async #csrfToken() {
    this.#csrf ??= (await this.#send("/api/csrf/")).headers.get("X-CSRFToken");
    return this.#csrf ?? "";
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {object} body
   * @param {{ key: string | null, csrf: string }} options
   */
  async #change(method, path, body, { key, csrf }) {
    const headers = new Headers({ "Content-Type": "application/json", "X-CSRFToken": csrf });
    if (key !== null) headers.set("Idempotency-Key", key);
    const answer = await this.#send(path, { method, headers, body: JSON.stringify(body) });
    const position = Number(answer.headers.get("X-Position"));
    return { body: answer.body, position, log: answer.headers.get("X-Log") ?? undefined };
  }

  /**
   * @param {string} path
   * @param {RequestInit} options
   * @param {(response: Response) => Promise<any>} read of an answer that is no error
   */
  async #send(path, options = {}, read = json) {
    const headers = new Headers(options.headers);
    headers.set("X-User", String(this.userId));
    let response;
    /** @type {any} */
    let body;
    try {
      response = await this.fetch(this.origin + path, { ...options, headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
      body = await (response.ok ? read : json)(response);
    } catch {
      throw new ApiError(response === undefined || response.ok ? 0 : response.status, null);
    }
    this.onBuild(response.headers.get("X-Build"));
    if (!response.ok) throw new ApiError(response.status, body);
    return { body, headers: response.headers };
  }
}
