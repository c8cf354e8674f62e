import { ApiError } from "../api.js";

/**
 * @import { PACE } from "./pace.js"
 */

/**
 * @typedef {"connecting" | "live" | "late" | "polling" | "offline"} Status `late`: connected, but the server publishes
 *   late or not at all; `polling`: no real-time connection, though the server answers. In both the feed is read.
 */

/**
 * How news arrives, found out by looking: at times when publications come, often when they do not.
 */
export class StatusWatch {
  /** @type {Status} */
  status = "connecting";
  #isSubscribed = false;
  #isClosed = false;
  /** Looks in a row that the server did not answer; null before the first look. @type {number | null} */
  #unanswered = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #nextLook;
  #catchUp;
  #pace;
  #onStatus;
  #onEnd;

  /**
   * @param {object} parts
   * @param {import("./catch-up.js").CatchUp} parts.catchUp
   * @param {typeof PACE} parts.pace
   * @param {(status: Status) => void} parts.onStatus
   * @param {(error: ApiError) => void} parts.onEnd called when this page will get no more answers
   */
  constructor({ catchUp, pace, onStatus, onEnd }) {
    this.#catchUp = catchUp;
    this.#pace = pace;
    this.#onStatus = onStatus;
    this.#onEnd = onEnd;
  }

  start() {
    this.#planLook();
  }

  close() {
    this.#isClosed = true;
    clearTimeout(this.#nextLook);
  }

  subscribed() {
    this.#isSubscribed = true;
  }

  disconnected() {
    this.#isSubscribed = false;
    this.#unanswered = null;
    this.show();
  }

  /**
   * The server says whether it publishes late. When it no longer does, the next look reads what was late.
   *
   * @param {boolean} isLate
   */
  told(isLate) {
    if (isLate) this.#catchUp.isLate = true;
    this.show();
    if (!isLate && this.#catchUp.isLate) this.#planLookIn(this.#pace.spreadMs * Math.random());
  }

  /** Show how news arrives now. */
  show() {
    if (this.#isClosed || (this.#isSubscribed && this.#catchUp.isRunning)) return;
    if (this.#isSubscribed) this.#set(this.#catchUp.isLate ? "late" : "live");
    else if (this.#unanswered === 0) this.#set("polling");
    else if (this.#unanswered !== null || this.status !== "connecting") this.#set("offline");
  }

  /** Read the feed while nothing is published to this client; otherwise ask whether the server publishes in time. */
  async look() {
    if (this.#isClosed) return;
    try {
      const wasLate = this.#catchUp.isLate;
      await this.#catchUp.ask();
      if (this.#catchUp.isLate || wasLate || !this.#isSubscribed) await this.#catchUp.read();
      this.#unanswered = 0;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.isEnd) return this.#onEnd(error);
      this.#unanswered = (this.#unanswered ?? 0) + 1;
    }
    if (this.#isClosed) return;
    this.#catchUp.fillGaps();
    this.show();
    this.#planLook();
  }

  #planLook() {
    const { pollMs, checkMs, mostMs } = this.#pace;
    const ms = this.status === "live" ? checkMs : Math.min(pollMs * 2 ** (this.#unanswered ?? 0), mostMs);
    this.#planLookIn(ms * (0.8 + 0.4 * Math.random())); // not all clients at once
  }

  /** @param {number} ms */
  #planLookIn(ms) {
    clearTimeout(this.#nextLook);
    if (!this.#isClosed) this.#nextLook = setTimeout(() => this.look(), ms);
  }

  /** @param {Status} status */
  #set(status) {
    if (status === this.status) return;
    this.status = status;
    this.#planLook();
    this.#onStatus(status);
  }

  /** Nothing will arrive any more. */
  end() {
    this.#set("offline");
    this.close();
  }
}
