import { ApiError } from "./api.js";

const FEED_LIMIT = 1000;
const LOGGED_OUT = 4000; // api/realtime.py: some session of this user ended, perhaps this one
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

const tokenPath = (channel) => `/api/token/subscription/?channel=${encodeURIComponent(channel)}`;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Keeps a Mirror in step with the server: subscribes first, then fetches what happened since the mirror's position, then
 * applies publications as they come, and fetches whatever turns out to be missing. Nobody ever has to reload.
 *
 * `Centrifuge` is centrifuge-js's class, `api` an Api, `url` the WebSocket. `status` is "connecting", "live" (in step) or
 * "offline"; `onStatus(status)` hears of it, `onLoggedOut()` when there is no session any more.
 */
export class Client {
  #mirror;
  #api;
  #Unauthorized;
  #centrifuge;
  #subscription;
  #channel;
  #offset = null; // of the last publication in an unbroken row
  #isCatchingUp = false;
  #isWanted = false;
  #pauses = 0; // how often publications ceased, and how many of these pauses were ended
  #renewals = 0;
  #isSettling = false;
  #isSubscribed = false;
  #isClosed = false;
  #onStatus;
  #onLoggedOut;

  constructor({ mirror, api, Centrifuge, url, options = {}, onStatus = () => {}, onLoggedOut = () => {} }) {
    this.status = "connecting";
    this.#mirror = mirror;
    this.#api = api;
    this.#onStatus = onStatus;
    this.#onLoggedOut = onLoggedOut;
    this.#channel = `personal:${mirror.user.id}`;
    this.#Unauthorized = Centrifuge.UnauthorizedError ?? class extends Error {};
    this.#centrifuge = new Centrifuge(url, { getToken: this.#asking("/api/token/connection/"), ...options });
    this.#centrifuge.on("connecting", ({ code }) => this.#connecting(code));
    this.#centrifuge.on("disconnected", () => this.#ended());
    this.#subscription = this.#centrifuge.newSubscription(this.#channel, { getToken: this.#asking(this.#tokenPath) });
    this.#subscription.on("subscribed", (context) => this.#subscribed(context));
    this.#subscription.on("subscribing", () => this.#disconnected("offline"));
    this.#subscription.on("unsubscribed", () => this.#ended());
    this.#subscription.on("publication", (context) => this.#publication(context));
  }

  start() {
    this.#subscription.subscribe();
    this.#centrifuge.connect();
  }

  close() {
    this.#isClosed = true;
    this.#centrifuge.disconnect();
  }

  /** Take an event that an answer of the API told before its publication came. */
  take(event) {
    this.#mirror.take(event);
    this.#settle();
  }

  /**
   * Listen on another channel, for which the server gives this user tokens: `onPublication(data)`. It is no part of being
   * in step: what is published while there is no connection is lost, and without a token nothing is heard.
   */
  listen(channel, onPublication) {
    const subscription = this.#centrifuge.newSubscription(channel, { getToken: this.#asking(tokenPath(channel)) });
    subscription.on("publication", ({ data }) => onPublication(data));
    subscription.subscribe();
  }

  get #tokenPath() {
    return tokenPath(this.#channel);
  }

  /** What centrifuge-js calls for a token. */
  #asking(path) {
    return async () => {
      try {
        return (await this.#api.get(path)).token;
      } catch (error) {
        if (error.status === 401 || error.status === 403) throw new this.#Unauthorized();
        throw error;
      }
    };
  }

  #subscribed({ recovered, wasRecovering, streamPosition }) {
    this.#isSubscribed = true;
    if (wasRecovering && recovered && this.#offset !== null) {
      this.#inStep(); // what was missed follows as publications
      return;
    }
    this.#offset = streamPosition?.offset ?? 0;
    this.#catchUp();
  }

  #publication({ offset, data }) {
    const isNext = offset === this.#offset + 1;
    if (offset !== undefined) this.#offset = Math.max(this.#offset, offset);
    if (data.type === "feed_paused") {
      this.#pauses += 1;
      this.#catchUp();
    } else if (data.type === "room_read") {
      this.#mirror.takeReading(data.body);
    } else if (data.position !== undefined) {
      this.#mirror.take(data);
      if (isNext && !this.#isCatchingUp) this.#mirror.position = Math.max(this.#mirror.position, data.position);
      this.#settle();
    }
    if (!isNext && offset === this.#offset) this.#catchUp(); // a publication before this one was lost
  }

  /** Fetch all that happened since the mirror's position, until it is in; asked again meanwhile, once more after. */
  async #catchUp() {
    this.#isWanted = true;
    if (this.#isCatchingUp) return;
    this.#isCatchingUp = true;
    while (this.#isWanted && !this.#isClosed) {
      this.#isWanted = false;
      await this.#untilDone(async () => {
        await this.#renew();
        await this.#readFeed();
        for (const reading of (await this.#api.get("/api/readings/")).readings) this.#mirror.takeReading(reading);
      });
    }
    this.#isCatchingUp = false;
    this.#inStep();
    this.#settle();
  }

  /** Whoever asks for a token is published to again. */
  async #renew() {
    const pauses = this.#pauses;
    if (pauses > this.#renewals) await this.#api.get(this.#tokenPath);
    this.#renewals = pauses;
  }

  async #readFeed() {
    for (;;) {
      const { events, position } = await this.#api.get(`/api/feed/?after=${this.#mirror.position}&limit=${FEED_LIMIT}`);
      for (const event of events) this.#mirror.take(event);
      this.#mirror.position = Math.max(this.#mirror.position, position);
      if (events.length < FEED_LIMIT) return;
    }
  }

  /** Fetch what single rooms lack. */
  async #settle() {
    if (this.#isSettling) return;
    this.#isSettling = true;
    while (this.#lacks && !this.#isCatchingUp && !this.#isClosed) {
      await this.#untilDone(async () => {
        for (const room of this.#mirror.behind) await this.#fill(room);
        for (const room of this.#mirror.unknown) await this.#load(room);
      });
    }
    this.#isSettling = false;
  }

  get #lacks() {
    return this.#mirror.behind.length > 0 || this.#mirror.unknown.length > 0;
  }

  async #load({ id, upTo }) {
    const found = await this.#found(`/api/rooms/${id}/`);
    if (found === null) this.#mirror.forget(id, upTo);
    else this.#mirror.load(found);
  }

  async #fill({ id, version, upTo }) {
    const found = await this.#found(`/api/rooms/${id}/events/?after=${version}&limit=${FEED_LIMIT}`);
    if (found === null) this.#mirror.forget(id, upTo);
    else if (found.events.length === 0) throw new ApiError(0, null); // a reader that is behind the publications
    else for (const event of found.events) this.#mirror.take(event);
  }

  /** The answer, or null where there is nothing for this user. */
  async #found(path) {
    try {
      return await this.#api.get(path);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** Run `work` again, ever more slowly, while the server cannot answer. */
  async #untilDone(work) {
    for (let tries = 0; !this.#isClosed; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.status === 401 || error.status === 403) return this.#ended();
        await sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    }
  }

  #inStep() {
    if (this.#isSubscribed && !this.#isCatchingUp) this.#say("live");
  }

  #connecting(code) {
    if (code === LOGGED_OUT) this.#centrifuge.setToken(""); // the one at hand would do, but it is somebody's who left
    this.#disconnected(code === 0 ? "connecting" : "offline");
  }

  #disconnected(status) {
    this.#isSubscribed = false;
    this.#say(status);
  }

  /** For good: without a session (or by `close`). */
  #ended() {
    this.#disconnected("offline");
    if (this.#isClosed) return;
    this.close();
    this.#onLoggedOut();
  }

  #say(status) {
    if (status === this.status) return;
    this.status = status;
    this.#onStatus(status);
  }
}
