import { ApiError } from "./api.js";

/**
 * @import { Centrifuge as Connection, Options, PublicationContext, SubscribedContext, Subscription } from "centrifuge"
 * @import { Api } from "./api.js"
 * @import { Mirror } from "./mirror.js"
 * @import { Publication, RoomEvent, Signal, StreamEvent } from "./shapes.js"
 */

/** @typedef {"connecting" | "live" | "offline"} Status */

const FEED_LIMIT = 1000;
const LOGGED_OUT = 4000; // api/realtime.py: a session of this user ended, perhaps this one
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

/** @param {string} channel */
const tokenPath = (channel) => `/api/token/subscription/?channel=${encodeURIComponent(channel)}`;
/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Keeps a Mirror in step with the server: subscribes first, then fetches what happened since the mirror's position,
 * then applies publications as they arrive and fetches what turns out to be missing. A page never has to be reloaded.
 */
export class Client {
  #mirror;
  #api;
  #Unauthorized;
  /** @type {Connection} */
  #centrifuge;
  /** @type {Subscription} */
  #subscription;
  #channel;
  /** Of the last publication in an unbroken sequence. @type {number | null} */
  #offset = null;
  #isCatchingUp = false;
  #isCatchUpRequested = false;
  #pausesSeen = 0;
  #pausesEnded = 0;
  #isFillingGaps = false;
  #isSubscribed = false;
  #isClosed = false;
  #onStatus;
  #onLoggedOut;
  #onRestarted;

  /**
   * @param {object} parts
   * @param {Mirror} parts.mirror
   * @param {Pick<Api, "get">} parts.api
   * @param {typeof import("centrifuge").Centrifuge} parts.Centrifuge centrifuge-js's class
   * @param {string} parts.url of the WebSocket
   * @param {Partial<Options>} [parts.options] for centrifuge-js
   * @param {(status: Status) => void} [parts.onStatus]
   * @param {() => void} [parts.onLoggedOut] called when the session ended
   * @param {() => void} [parts.onRestarted] called when the log went back: the page has to be loaded again
   */
  constructor({ mirror, api, Centrifuge, url, options = {}, ...calls }) {
    const { onStatus = () => {}, onLoggedOut = () => {}, onRestarted = () => {} } = calls;
    /** @type {Status} */
    this.status = "connecting";
    this.#mirror = mirror;
    this.#api = api;
    this.#onStatus = onStatus;
    this.#onLoggedOut = onLoggedOut;
    this.#onRestarted = onRestarted;
    this.#channel = `personal:${mirror.user.id}`;
    this.#Unauthorized = Centrifuge.UnauthorizedError;
    this.#centrifuge = new Centrifuge(url, { getToken: this.#tokenFrom("/api/token/connection/"), ...options });
    this.#centrifuge.on("connecting", ({ code }) => this.#connecting(code));
    this.#centrifuge.on("disconnected", () => this.#stop());
    this.#subscription = this.#newSubscription(this.#channel);
    this.#subscription.on("subscribed", (context) => this.#subscribed(context));
    this.#subscription.on("subscribing", () => this.#disconnected("offline"));
    this.#subscription.on("unsubscribed", () => this.#stop());
    this.#subscription.on("publication", (context) => this.#published(context));
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
   * Receive an event from an answer of the API, before its publication arrives.
   *
   * @param {RoomEvent} event
   */
  receive(event) {
    this.#mirror.receive(event);
    this.#fillGaps();
  }

  /**
   * Listen on another channel that the server gives this user tokens for. It plays no part in being in step: what is
   * published while there is no connection is lost, and without a token nothing arrives.
   *
   * @param {string} channel
   * @param {(data: any) => void} onPublication
   */
  listen(channel, onPublication) {
    const subscription = this.#newSubscription(channel);
    subscription.on("publication", ({ data }) => onPublication(data));
    subscription.subscribe();
  }

  /** @param {string} channel */
  #newSubscription(channel) {
    return this.#centrifuge.newSubscription(channel, { getToken: this.#tokenFrom(tokenPath(channel)) });
  }

  /**
   * The function by which centrifuge-js gets tokens.
   *
   * @param {string} path
   */
  #tokenFrom(path) {
    return async () => {
      try {
        return (await this.#api.get(path)).token;
      } catch (error) {
        if (error instanceof ApiError && error.isUnauthorized) throw new this.#Unauthorized("no session");
        throw error;
      }
    };
  }

  /** @param {Pick<SubscribedContext, "recovered" | "wasRecovering" | "streamPosition">} context */
  #subscribed({ recovered, wasRecovering, streamPosition }) {
    this.#isSubscribed = true;
    if (wasRecovering && recovered && this.#offset !== null) {
      this.#inStep(); // what was missed follows as publications
      return;
    }
    this.#offset = streamPosition?.offset ?? 0;
    this.#catchUp();
  }

  /** @param {Pick<PublicationContext, "data" | "offset">} context */
  #published({ offset, data }) {
    const isNext = offset === (this.#offset ?? 0) + 1;
    if (offset !== undefined) this.#offset = Math.max(this.#offset ?? 0, offset);
    this.#receive(data, isNext);
    if (!isNext && offset === this.#offset) this.#catchUp(); // a publication before this one was lost
  }

  /**
   * @param {Publication} data
   * @param {boolean} isNext
   */
  #receive(data, isNext) {
    if (isSignal(data)) {
      if (data.type === "room_read") return this.#mirror.receiveReading(data.body);
      if (data.type === "feed_paused") this.#pausesSeen += 1;
      return this.#catchUp();
    }
    if (data.position === undefined) return;
    this.#mirror.receive(data);
    if (isNext && !this.#isCatchingUp) this.#mirror.position = Math.max(this.#mirror.position, data.position);
    this.#fillGaps();
  }

  /** Fetch everything since the mirror's position; when requested again meanwhile, once more afterwards. */
  async #catchUp() {
    this.#isCatchUpRequested = true;
    if (this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    while (this.#isCatchUpRequested && !this.#isClosed) {
      this.#isCatchUpRequested = false;
      await this.#withRetries(async () => {
        await this.#endPauses();
        await this.#readFeed();
        for (const reading of (await this.#api.get("/api/readings/")).readings) this.#mirror.receiveReading(reading);
      });
    }
    this.#isCatchingUp = false;
    this.#inStep();
    this.#fillGaps();
  }

  /** Fetching a token makes the server publish to this user again. */
  async #endPauses() {
    const pauses = this.#pausesSeen;
    if (pauses > this.#pausesEnded) await this.#api.get(tokenPath(this.#channel));
    this.#pausesEnded = pauses;
  }

  async #readFeed() {
    for (;;) {
      const place = `after=${this.#mirror.position}&limit=${FEED_LIMIT}${this.#log}`;
      /** @type {{ events: StreamEvent[], position: number, log?: string }} */
      const { events, position, log } = await this.#api.get(`/api/feed/?${place}`);
      for (const event of events) this.#mirror.receive(event);
      this.#mirror.position = Math.max(this.#mirror.position, position);
      this.#mirror.log = log;
      if (events.length < FEED_LIMIT) return;
    }
  }

  /** Which log the mirror is of, as part of a query. */
  get #log() {
    return this.#mirror.log === undefined ? "" : `&log=${encodeURIComponent(this.#mirror.log)}`;
  }

  /** Fetch what single rooms lack. */
  async #fillGaps() {
    if (this.#isFillingGaps) return;
    this.#isFillingGaps = true;
    while (this.#hasGaps && !this.#isCatchingUp && !this.#isClosed) {
      await this.#withRetries(async () => {
        for (const room of this.#mirror.behind) await this.#fetchEvents(room);
        for (const room of this.#mirror.unknown) await this.#fetchRoom(room);
      });
    }
    this.#isFillingGaps = false;
  }

  get #hasGaps() {
    return this.#mirror.behind.length > 0 || this.#mirror.unknown.length > 0;
  }

  /** @param {{ id: string, upTo: number }} room */
  async #fetchRoom({ id, upTo }) {
    const room = await this.#getOrNull(`/api/rooms/${id}/`);
    if (room === null) this.#mirror.forget(id, upTo);
    else this.#mirror.load(room);
  }

  /** @param {{ id: string, version: number, upTo: number }} room */
  async #fetchEvents({ id, version, upTo }) {
    const found = await this.#getOrNull(`/api/rooms/${id}/events/?after=${version}&limit=${FEED_LIMIT}${this.#log}`);
    if (found === null) this.#mirror.forget(id, upTo);
    else if (found.events.length === 0) throw new ApiError(0, null); // answered by a replica behind the publications
    else for (const event of found.events) this.#mirror.receive(event);
  }

  /**
   * The answer, or null where this user may see nothing.
   *
   * @param {string} path
   */
  async #getOrNull(path) {
    try {
      return await this.#api.get(path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /**
   * Run `work`, and again ever more slowly while the server cannot answer.
   *
   * @param {() => Promise<void>} work
   */
  async #withRetries(work) {
    for (let tries = 0; !this.#isClosed; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.isUnauthorized) return this.#stop();
        if (error.body?.code === "log_restarted") return this.#restart();
        await sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    }
  }

  #inStep() {
    if (this.#isSubscribed && !this.#isCatchingUp) this.#setStatus("live");
  }

  /** @param {number} code */
  #connecting(code) {
    if (code === LOGGED_OUT) this.#centrifuge.setToken(""); // it would still be valid, but the session may have ended
    this.#disconnected(code === 0 ? "connecting" : "offline");
  }

  /** @param {Status} status */
  #disconnected(status) {
    this.#isSubscribed = false;
    this.#setStatus(status);
  }

  /** The session ended, or `close` was called: there will be no new connection. */
  #stop() {
    this.#disconnected("offline");
    if (this.#isClosed) return;
    this.close();
    this.#onLoggedOut();
  }

  /** The log went back: what the mirror shows may have never happened. */
  #restart() {
    if (this.#isClosed) return;
    this.close();
    this.#onRestarted();
  }

  /** @param {Status} status */
  #setStatus(status) {
    if (status === this.status) return;
    this.status = status;
    this.#onStatus(status);
  }
}

/**
 * @param {Publication} data
 * @returns {data is Signal}
 */
function isSignal(data) {
  return data.type === "feed_paused" || data.type === "room_read" || data.type === "log_restarted";
}
