import { ApiError } from "./api.js";

/**
 * @import { Centrifuge as Connection, Options, PublicationContext, SubscribedContext, Subscription } from "centrifuge"
 * @import { Api } from "./api.js"
 * @import { Mirror } from "./mirror.js"
 * @import { Publication, RangeEvent, RoomChange, RoomEvent, Signal, StreamEvent } from "./shapes.js"
 */

/**
 * @typedef {"connecting" | "live" | "late" | "polling" | "offline"} Status `late`: connected, but the server publishes
 *   late or not at all; `polling`: no real-time connection, though the server answers. In both the feed is read.
 */

const FEED_LIMIT = 1000;
const LOGGED_OUT = 4000; // api/http/login.py: a session of this user ended, perhaps this one
const DEACTIVATED = 4500; // cli/commands/accounts/user_access.py: the account is closed, and so its sessions are over
const BY_US = 0; // codes of centrifuge-js: this class asked for it, and the service gave no token
const UNAUTHORIZED = 1;
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

/**
 * How often to read the feed while nothing is published, to check for that otherwise, and to return to a
 * real-time server that refused. Without success, each doubles up to `mostMs`.
 */
export const PACE = { pollMs: 5000, checkMs: 20_000, returnMs: 5000, mostMs: 60_000 };

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
  /** The last one in sequence that came while catching up. @type {StreamEvent | RangeEvent | null} */
  #newest = null;
  #isCatchingUp = false;
  #isCatchUpRequested = false;
  #pausesSeen = 0;
  #pausesEnded = 0;
  #isFillingGaps = false;
  #isSubscribed = false;
  #isLate = false;
  #isClosed = false;
  /** Looks in a row that the server did not answer; null before the first look. @type {number | null} */
  #unanswered = null;
  /** Times in a row that the real-time server refused this client for good. */
  #refusals = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nextLook;
  #pace;
  #onStatus;
  #onLoggedOut;
  #onRestarted;
  #onOtherUser;

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
   * @param {() => void} [parts.onOtherUser] called when another user has logged in, in the same browser
   * @param {typeof PACE} [parts.pace]
   */
  constructor(parts) {
    const { mirror, api, Centrifuge, url, options = {}, pace = PACE } = parts;
    const { onStatus = () => {}, onLoggedOut = () => {}, onOtherUser = () => {}, onRestarted = () => {} } = parts;
    /** @type {Status} */
    this.status = "connecting";
    this.#mirror = mirror;
    this.#api = api;
    this.#onStatus = onStatus;
    this.#onLoggedOut = onLoggedOut;
    this.#onRestarted = onRestarted;
    this.#onOtherUser = onOtherUser;
    this.#pace = pace;
    this.#channel = `personal:${mirror.user.id}`;
    this.#Unauthorized = Centrifuge.UnauthorizedError;
    this.#centrifuge = new Centrifuge(url, { getToken: this.#tokenFrom(() => "/api/token/connection/"), ...options });
    this.#centrifuge.on("connecting", ({ code }) => this.#connecting(code));
    this.#centrifuge.on("disconnected", ({ code }) => this.#ended(code));
    this.#subscription = this.#newPersonalSubscription();
  }

  start() {
    this.#connect();
    this.#planLook();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#nextLook);
    this.#centrifuge.disconnect();
  }

  /**
   * Receive an event from an answer of the API, before its publication arrives.
   *
   * @param {RoomEvent} event
   */
  receive(event) {
    this.#apply(event);
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

  #newPersonalSubscription() {
    const subscription = this.#newSubscription(this.#channel);
    subscription.on("subscribed", (context) => this.#subscribed(context));
    subscription.on("subscribing", ({ code }) => this.#connecting(code));
    subscription.on("unsubscribed", ({ code }) => this.#ended(code));
    subscription.on("publication", (context) => this.#published(context));
    return subscription;
  }

  /** @param {string} channel */
  #newSubscription(channel) {
    const getToken = this.#tokenFrom(() => this.#withLog(tokenPath(channel)));
    return this.#centrifuge.newSubscription(channel, { getToken });
  }

  /**
   * The function by which centrifuge-js gets tokens.
   *
   * @param {() => string} path
   */
  #tokenFrom(path) {
    return async () => {
      try {
        return (await this.#api.get(path())).token;
      } catch (error) {
        if (error instanceof ApiError && error.isUnauthorized) throw new this.#Unauthorized("no session");
        if (error instanceof ApiError) this.#endOn(error);
        throw error;
      }
    };
  }

  /** @param {Pick<SubscribedContext, "recovered" | "wasRecovering" | "streamPosition">} context */
  #subscribed({ recovered, wasRecovering, streamPosition }) {
    this.#isSubscribed = true;
    this.#refusals = 0;
    if (wasRecovering && recovered && this.#offset !== null) {
      this.#showStatus(); // what was missed follows as publications
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
    this.#apply(data);
    if (!isNext) return;
    if (this.#isCatchingUp) this.#newest = data;
    else this.#mirror.moveTo(data);
  }

  /** @param {RoomChange} event */
  #apply(event) {
    if (this.#mirror.contradicts(event)) this.#settle(event);
    this.#mirror.receive(event);
    this.#fillGaps();
  }

  /**
   * Two events at one version of a room: ask which of them is in the log.
   *
   * @param {RoomChange} event
   */
  async #settle({ version, body }) {
    const path = `/api/rooms/${body.room.id}/events/?after=${version - 1}&limit=1`;
    await this.#withRetries(async () => {
      const found = await this.#getOrNull(this.#withLog(path));
      if (found?.events.some((/** @type {StreamEvent} */ event) => this.#mirror.contradicts(event))) this.#restart();
    });
  }

  /** Fetch everything since the mirror's position; when requested again meanwhile, once more afterwards. */
  async #catchUp() {
    this.#isCatchUpRequested = true;
    if (this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    while (this.#isCatchUpRequested && !this.#isClosed) {
      this.#isCatchUpRequested = false;
      await this.#withRetries(() => this.#read());
    }
    this.#isCatchingUp = false;
    if (this.#newest !== null) this.#mirror.moveTo(this.#newest); // and what came before it was published or read
    this.#newest = null;
    this.#showStatus();
    this.#fillGaps();
  }

  /** Read what happened since, however it was or was not published. */
  async #read() {
    await this.#endPauses();
    await this.#readFeed();
    for (const reading of (await this.#api.get("/api/readings/")).readings) this.#mirror.receiveReading(reading);
    this.#isLate = await this.#askWhetherLate();
  }

  /** Fetching a token makes the server publish to this user again. */
  async #endPauses() {
    const pauses = this.#pausesSeen;
    if (pauses > this.#pausesEnded) await this.#api.get(tokenPath(this.#channel));
    this.#pausesEnded = pauses;
  }

  async #readFeed() {
    for (;;) {
      const path = `/api/feed/?after=${this.#mirror.position}&limit=${FEED_LIMIT}`;
      const places = this.#mirror.log;
      /** @type {{ events: StreamEvent[], position: number, log?: string }} */
      const { events, position, log } = await this.#api.get(this.#withLog(path));
      for (const event of events) this.#mirror.receive(event);
      this.#mirror.position = Math.max(this.#mirror.position, position);
      this.#mirror.confirm(places, log);
      if (events.length < FEED_LIMIT) return;
    }
  }

  /**
   * A request that is refused when the mirror is not of the log as it is.
   *
   * @param {string} path
   */
  #withLog(path) {
    const query = this.#mirror.log.map((place) => `log=${encodeURIComponent(place)}`).join("&");
    return query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
  }

  /** Whether publications are late. */
  async #askWhetherLate() {
    const places = this.#mirror.log;
    const { is_late } = await this.#api.get(this.#withLog("/api/delivery/"));
    this.#mirror.confirm(places);
    return is_late;
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
    const path = `/api/rooms/${id}/events/?after=${version}&limit=${FEED_LIMIT}`;
    const found = await this.#getOrNull(this.#withLog(path));
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
   * Run `work`; while the server cannot answer, retry after longer and longer pauses.
   *
   * @param {() => Promise<void>} work
   */
  async #withRetries(work) {
    for (let tries = 0; !this.#isClosed; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (this.#endOn(error)) return;
        await sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    }
  }

  /** The network may be back, or the user: do not wait for the next time to look. */
  wake() {
    if (!this.#isClosed) this.#look();
  }

  #planLook() {
    clearTimeout(this.#nextLook);
    if (this.#isClosed) return;
    const { pollMs, checkMs, mostMs } = this.#pace;
    const ms = this.status === "live" ? checkMs : Math.min(pollMs * 2 ** (this.#unanswered ?? 0), mostMs);
    this.#nextLook = setTimeout(() => this.#look(), ms * (0.8 + 0.4 * Math.random())); // not all clients at once
  }

  /** Read the feed while nothing is published to this client; otherwise ask whether the server publishes in time. */
  async #look() {
    try {
      const isLate = await this.#askWhetherLate();
      if (isLate || this.#isLate || !this.#isSubscribed) await this.#read();
      this.#isLate = isLate;
      this.#unanswered = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (this.#endOn(error)) return;
      this.#unanswered = (this.#unanswered ?? 0) + 1;
    }
    if (this.#isClosed) return;
    this.#fillGaps();
    this.#showStatus();
    this.#planLook();
  }

  #connect() {
    this.#subscription.subscribe();
    this.#centrifuge.connect();
  }

  /** @param {number} code */
  #connecting(code) {
    if (code === LOGGED_OUT) this.#centrifuge.setToken(""); // it would still be valid, but the session may have ended
    if (code !== BY_US) this.#disconnected();
  }

  #disconnected() {
    this.#isSubscribed = false;
    this.#unanswered = null;
    this.#showStatus();
  }

  /**
   * The connection or the subscription ended for good. Without a session there will be no other; where the real-time
   * server refused, ever rarer attempts follow, with new tokens.
   *
   * @param {number} code
   */
  #ended(code) {
    if (this.#isClosed || code === BY_US) return;
    if (code === UNAUTHORIZED) return this.#stop(null);
    this.#disconnected();
    const { returnMs, mostMs } = this.#pace;
    const ms = code === DEACTIVATED ? 0 : Math.min(returnMs * 2 ** this.#refusals, mostMs);
    this.#refusals += 1;
    setTimeout(() => {
      if (this.#isClosed) return;
      this.#centrifuge.setToken("");
      this.#centrifuge.removeSubscription(this.#subscription); // it would use the token that it has
      this.#subscription = this.#newPersonalSubscription();
      this.#connect();
    }, ms);
  }

  /**
   * End this client if it has lost its session, or its log; return whether it has.
   *
   * @param {ApiError} error
   */
  #endOn(error) {
    if (error.isUnauthorized || error.isOtherUser) this.#stop(error);
    else if (error.isOtherLog) this.#restart();
    else return false;
    return true;
  }

  /**
   * There will be no new connection.
   *
   * @param {ApiError | null} error
   */
  #stop(error) {
    if (this.#isClosed) return;
    this.close();
    this.#setStatus("offline");
    if (error?.isOtherUser) this.#onOtherUser();
    else this.#onLoggedOut();
  }

  #showStatus() {
    if (this.#isSubscribed && this.#isCatchingUp) return;
    if (this.#isSubscribed) this.#setStatus(this.#isLate ? "late" : "live");
    else if (this.#unanswered === 0) this.#setStatus("polling");
    else if (this.#unanswered !== null || this.status !== "connecting") this.#setStatus("offline");
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
    this.#planLook();
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
