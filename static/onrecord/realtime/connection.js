import { ApiError } from "../api.js";

/**
 * @import { Centrifuge as Centrifugo, Options, PublicationContext, SubscribedContext, Subscription } from "centrifuge"
 * @import { Publication } from "../shapes.js"
 * @import { PACE } from "./pace.js"
 */

/**
 * @typedef {object} Listener What a connection tells its owner.
 * @property {(isRecovered: boolean) => void} subscribed With `isRecovered`, what was missed follows as publications.
 * @property {(data: Publication, isNext: boolean) => void} published `isNext`: it follows the one before.
 * @property {() => void} missed Publications before the last one were lost.
 * @property {() => void} lost Nothing is received for now.
 * @property {() => void} unauthorized The service gave no token: there will be no connection any more.
 */

const LOGGED_OUT = 4000; // api/http/login.py: a session of this user ended, perhaps this one
const DEACTIVATED = 4500; // api/http/login.py: the account is closed, and so its sessions are over
const BY_US = 0; // codes of centrifuge-js: this class asked for it, and the service gave no token
const UNAUTHORIZED = 1;

/**
 * The connection to the real-time server, with the subscription to the user's personal channel. It returns by itself:
 * where the server refused for good, after longer and longer pauses, and with new tokens.
 */
export class Connection {
  #Unauthorized;
  /** @type {Centrifugo} */
  #centrifuge;
  /** @type {Subscription} */
  #subscription;
  #channel;
  #fetchToken;
  #listener;
  #pace;
  /** Of the last publication in an unbroken sequence. @type {number | null} */
  #offset = null;
  /** Times in a row that the server refused this client for good. */
  #refusals = 0;
  #isClosed = false;

  /**
   * @param {object} parts
   * @param {string} parts.channel the personal one
   * @param {typeof import("centrifuge").Centrifuge} parts.Centrifuge centrifuge-js's class
   * @param {string} parts.url of the WebSocket
   * @param {Partial<Options>} parts.options for centrifuge-js
   * @param {(channel: string | null) => Promise<string>} parts.fetchToken for a channel, or for the connection
   * @param {Listener} parts.listener
   * @param {typeof PACE} parts.pace
   */
  constructor({ channel, Centrifuge, url, options, fetchToken, listener, pace }) {
    this.#channel = channel;
    this.#fetchToken = fetchToken;
    this.#listener = listener;
    this.#pace = pace;
    this.#Unauthorized = Centrifuge.UnauthorizedError;
    this.#centrifuge = new Centrifuge(url, { getToken: this.#tokenFor(null), ...options });
    this.#centrifuge.on("connecting", ({ code }) => this.#connecting(code));
    this.#centrifuge.on("disconnected", ({ code }) => this.#ended(code));
    this.#subscription = this.#newPersonalSubscription();
  }

  start() {
    this.#subscription.subscribe();
    this.#centrifuge.connect();
  }

  close() {
    this.#isClosed = true;
    this.#centrifuge.disconnect();
  }

  /**
   * Listen on another channel. What is published there while there is no connection is lost.
   *
   * @param {string} channel
   * @param {(data: any) => void} onPublication
   * @param {{ isOpen?: boolean }} [options] `isOpen`: it takes no token; otherwise nothing arrives without one
   */
  listen(channel, onPublication, { isOpen = false } = {}) {
    const subscription = this.#newSubscription(channel, isOpen ? {} : { getToken: this.#tokenFor(channel) });
    subscription.on("publication", ({ data }) => onPublication(data));
    subscription.subscribe();
  }

  /**
   * Listen on another channel, and hear who else does: users, each once. Nothing is known while there is no connection.
   *
   * @param {{ channel: string, token: string | null }} place `token`: one to begin with
   * @param {{ onPublication: (data: any) => void, onPresence: (users: Set<number>) => void }} heard
   * @param {AbortSignal} signal ends it
   */
  attend({ channel, token }, { onPublication, onPresence }, signal) {
    const subscription = this.#newSubscription(channel, {
      ...(token === null ? {} : { token }),
      getToken: this.#tokenFor(channel),
    });
    /** @type {Map<string, string>} */
    const users = new Map(); // by client
    const tell = () => signal.aborted || onPresence(new Set([...users.values()].map(Number)));
    const forget = () => {
      users.clear();
      tell();
    };
    subscription.on("publication", ({ data }) => onPublication(data));
    subscription.on("subscribed", async () => {
      const { clients } = await subscription.presence().catch(() => ({ clients: {} }));
      users.clear();
      for (const { client, user } of Object.values(clients)) users.set(client, user);
      tell();
    });
    subscription.on("join", ({ info }) => {
      users.set(info.client, info.user);
      tell();
    });
    subscription.on("leave", ({ info }) => {
      users.delete(info.client);
      tell();
    });
    subscription.on("subscribing", forget);
    subscription.on("unsubscribed", forget);
    subscription.subscribe();
    signal.addEventListener("abort", () => this.#centrifuge.removeSubscription(subscription));
  }

  #newPersonalSubscription() {
    const subscription = this.#newSubscription(this.#channel, { getToken: this.#tokenFor(this.#channel) });
    subscription.on("subscribed", (context) => this.#subscribed(context));
    subscription.on("subscribing", ({ code }) => this.#connecting(code));
    subscription.on("unsubscribed", ({ code }) => this.#ended(code));
    subscription.on("publication", (context) => this.#published(context));
    return subscription;
  }

  /**
   * @param {string} channel
   * @param {{ token?: string, getToken?: () => Promise<string> }} options
   */
  #newSubscription(channel, options) {
    return this.#centrifuge.newSubscription(channel, options);
  }

  /**
   * The function by which centrifuge-js gets tokens.
   *
   * @param {string | null} channel
   */
  #tokenFor(channel) {
    return async () => {
      try {
        return await this.#fetchToken(channel);
      } catch (error) {
        const isOther = channel !== null && channel !== this.#channel;
        const isRefused = error instanceof ApiError && (error.isUnauthorized || (isOther && error.status === 403));
        if (isRefused) throw new this.#Unauthorized("no token"); // centrifuge-js asks no more
        throw error;
      }
    };
  }

  /** @param {Pick<SubscribedContext, "recovered" | "wasRecovering" | "streamPosition">} context */
  #subscribed({ recovered, wasRecovering, streamPosition }) {
    this.#refusals = 0;
    const isRecovered = wasRecovering && recovered && this.#offset !== null;
    if (!isRecovered) this.#offset = streamPosition?.offset ?? 0;
    this.#listener.subscribed(isRecovered);
  }

  /** @param {Pick<PublicationContext, "data" | "offset">} context */
  #published({ offset, data }) {
    const before = this.#offset ?? 0;
    if (offset !== undefined) this.#offset = Math.max(before, offset);
    this.#listener.published(data, offset === before + 1);
    if (offset !== undefined && offset > before + 1) this.#listener.missed();
  }

  /** @param {number} code */
  #connecting(code) {
    if (code === LOGGED_OUT) this.#centrifuge.setToken(""); // it would still be valid, but the session may have ended
    if (code !== BY_US) this.#listener.lost();
  }

  /**
   * The connection or the subscription ended for good. Without a session there will be no other; where the server
   * refused, attempts follow.
   *
   * @param {number} code
   */
  #ended(code) {
    if (this.#isClosed || code === BY_US) return;
    if (code === UNAUTHORIZED) return this.#listener.unauthorized();
    this.#listener.lost();
    const { returnMs, mostMs } = this.#pace;
    const ms = code === DEACTIVATED ? 0 : Math.min(returnMs * 2 ** this.#refusals, mostMs);
    this.#refusals += 1;
    setTimeout(() => this.#return(), ms);
  }

  #return() {
    if (this.#isClosed) return;
    this.#centrifuge.setToken("");
    this.#centrifuge.removeSubscription(this.#subscription); // it would use the token that it has
    this.#subscription = this.#newPersonalSubscription();
    this.start();
  }
}
