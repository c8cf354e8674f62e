import { ApiError } from "../../onrecord/api.js";
import { findAll } from "../dom.js";

/**
 * @import { Api } from "../../onrecord/api.js"
 * @import { Mirror } from "../../onrecord/mirror.js"
 * @import { Room } from "../../onrecord/room.js"
 */

const PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 32_000;
const SEEN = 0.5; // of a message, or of the list where the message is higher
const THRESHOLDS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];

/**
 * Tells the server how far the user has read a room: up to the newest message that was in sight while the page was
 * visible and had the focus. At most once a second, ever more rarely while nothing answers, and only while something is
 * unread.
 */
export class ReadMarker {
  #room;
  #mirror;
  #api;
  #inSight = new Set();
  #seen = 0;
  #marked = 0;
  #isPaused = false;
  #pauseMs = PAUSE_MS;
  #signal;

  /**
   * @param {{ room: Room, mirror: Mirror, api: Api, signal: AbortSignal }} parts `signal` ends it
   * @param {HTMLElement} scroll what scrolls the messages
   * @param {HTMLElement} list the messages
   */
  constructor({ room, mirror, api, signal }, scroll, list) {
    this.#signal = signal;
    this.#room = room;
    this.#mirror = mirror;
    this.#api = api;
    const sight = new IntersectionObserver((entries) => this.#moved(entries), { root: scroll, threshold: THRESHOLDS });
    const observe = (/** @type {Iterable<Node>} */ nodes) => {
      for (const node of nodes) if (node instanceof HTMLElement && node.matches(".message")) sight.observe(node);
    };
    observe(findAll(list, ".message"));
    const additions = new MutationObserver((changes) => changes.forEach(({ addedNodes }) => observe(addedNodes)));
    additions.observe(list, { childList: true });
    for (const type of ["focus", "blur"]) window.addEventListener(type, () => this.update(), { signal });
    document.addEventListener("visibilitychange", () => this.update(), { signal });
    signal.addEventListener("abort", () => {
      sight.disconnect();
      additions.disconnect();
      this.#mark(); // what was seen in the last second
    });
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #moved(entries) {
    for (const { target, intersectionRatio, intersectionRect, rootBounds } of entries) {
      const id = Number(/** @type {HTMLElement} */ (target).dataset.id);
      const isSeen = intersectionRatio >= SEEN || intersectionRect.height >= SEEN * (rootBounds?.height ?? Infinity);
      if (isSeen) this.#inSight.add(id);
      else this.#inSight.delete(id);
    }
    this.update();
  }

  async update() {
    if (this.#signal.aborted) return;
    const isLookedAt = document.visibilityState === "visible" && document.hasFocus();
    if (isLookedAt) this.#seen = Math.max(this.#seen, ...this.#inSight);
    if (this.#isPaused || !this.#hasNews) return;
    this.#isPaused = true;
    await this.#mark();
    setTimeout(() => {
      this.#isPaused = false;
      this.update();
    }, this.#pauseMs);
  }

  get #hasNews() {
    return !this.#room.isLeft && this.#seen > this.#marked && this.#mirror.unread(this.#room.id) > 0;
  }

  async #mark() {
    if (!this.#hasNews) return;
    const before = this.#marked;
    const version = (this.#marked = this.#seen);
    try {
      this.#mirror.receiveReading(await this.#api.post(`/api/rooms/${this.#room.id}/read/`, { version }));
      this.#pauseMs = PAUSE_MS;
    } catch (error) {
      const isEnd = error instanceof ApiError && error.isEnd; // nothing more is answered
      this.#marked = isEnd ? Infinity : before; // the next update tries again
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    }
  }
}
