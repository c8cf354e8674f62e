import WebSocket from "ws";

/**
 * @param {TypeError & { cause?: { code?: string } }} error
 * @param {() => Promise<Response>} send
 */
function elsewhere(error, send) {
  if (error.cause?.code === "ECONNREFUSED") return send();
  throw error;
}

/** The network of one computer: it can be cut, and there is none while the computer sleeps. */
export class Network {
  /** The class for connections over this network. */
  WebSocket;
  #origins;
  #cookie;
  /** @type {Set<WebSocket>} */
  #sockets = new Set();
  /** Ends the sleep. @type {(() => void) | null} */
  #wake = null;
  #awake = Promise.resolve();

  /**
   * @param {object} options
   * @param {string[]} options.origins where each request goes to, as through a proxy: to one that listens
   * @param {string} options.cookie of every request
   */
  constructor({ origins, cookie }) {
    this.#origins = origins;
    this.#cookie = cookie;
    const opened = (/** @type {WebSocket} */ socket) => this.#opened(socket);
    this.WebSocket = class extends WebSocket {
      /** @param {ConstructorParameters<typeof WebSocket>} options */
      constructor(...options) {
        super(...options);
        opened(this);
      }
    };
  }

  /**
   * @param {string | URL | Request} path
   * @param {RequestInit} [options]
   * @param {AbortSignal} [left] ends it as well
   */
  async fetch(path, options, left) {
    await this.#awake;
    const headers = new Headers(options?.headers);
    headers.set("cookie", this.#cookie);
    const signals = [options?.signal, left].filter((signal) => signal instanceof AbortSignal);
    const sent = { ...options, headers, signal: AbortSignal.any(signals) };
    const first = Math.floor(Math.random() * this.#origins.length);
    const [origin, ...others] = [...this.#origins.slice(first), ...this.#origins.slice(0, first)];
    const sendTo = (/** @type {string} */ at) => fetch(`${at}${path}`, sent);
    let answer = sendTo(origin);
    for (const other of others) answer = answer.catch((error) => elsewhere(error, () => sendTo(other)));
    return answer;
  }

  /** Break all connections. */
  cut() {
    for (const socket of this.#sockets) socket.terminate();
  }

  sleep() {
    if (this.#wake !== null) return;
    this.#awake = new Promise((resolve) => (this.#wake = resolve));
    this.cut();
  }

  wake() {
    this.#wake?.();
    this.#wake = null;
  }

  /** @param {WebSocket} socket */
  #opened(socket) {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    if (this.#wake !== null) setImmediate(() => socket.terminate());
  }
}
