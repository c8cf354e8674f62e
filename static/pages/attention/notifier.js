import { titleOf } from "../../onrecord/text.js";
import { lastWords, readerFor } from "../markup.js";

/**
 * @import { Mirror } from "../../onrecord/mirror.js"
 * @import { Message, RoomChange } from "../../onrecord/shapes.js"
 * @import { NotifyChoice } from "./choice.js"
 */

const TOGETHER_MS = 300; // what comes at once, as after a pause, is one notification a room

/**
 * Notifies the user of unread messages by the browser's notifications: one for each room, the newest message in it. Not
 * of muted rooms, and not while a window of this user is in front. It goes when the room is read, and with its words.
 */
export class Notifier {
  #mirror;
  #choice;
  #open;
  /** What was unread in each room, and how many mentions. @type {Map<string, [number, number]>} */
  #counts = new Map();
  /** @type {Map<string, Message>} */
  #waiting = new Map();
  /** @type {Map<string, { notification: Notification, message: number }>} */
  #shown = new Map();
  #front;

  /**
   * @param {{ mirror: Mirror, choice: NotifyChoice, open: (path: string) => void }} parts
   */
  constructor({ mirror, choice, open }) {
    this.#mirror = mirror;
    this.#choice = choice;
    this.#open = open;
    this.#front = `onrecord:${mirror.user.id}:front`;
    for (const { id } of mirror.rooms) this.#counts.set(id, this.#count(id));
  }

  start() {
    this.#mirror.subscribe((event) => this.#changed(event));
    for (const type of ["focus", "blur"]) addEventListener(type, () => this.#holdFront());
    document.addEventListener("visibilitychange", () => this.#holdFront());
    this.#holdFront();
  }

  /** @param {string} id @returns {[number, number]} */
  #count(id) {
    return [this.#mirror.unread(id), this.#mirror.mentions(id)];
  }

  /** @param {RoomChange | null} event */
  #changed(event) {
    if (event === null) {
      for (const { id } of this.#mirror.rooms) this.#counts.set(id, this.#count(id)); // read or counted elsewhere
      for (const id of this.#shown.keys()) if (this.#mirror.unread(id) === 0) this.#close(id);
      return;
    }
    const { id } = event.body.room;
    const [unread, mentions] = this.#counts.get(id) ?? [0, 0];
    const [unreadNow, mentionsNow] = this.#count(id);
    this.#counts.set(id, [unreadNow, mentionsNow]);
    const shown = this.#shown.get(id);
    if (unreadNow === 0 || (shown !== undefined && isTakenBack(event, shown.message))) this.#close(id);
    const isEvery = this.#choice.now === "all" || this.#mirror.room(id)?.shown.visibility === "direct";
    if (mentionsNow > mentions || (isEvery && unreadNow > unread)) this.#call(id, messageOf(event));
  }

  /**
   * @param {string} id
   * @param {Message | null} message
   */
  #call(id, message) {
    if (message === null || this.#choice.now === "off") return;
    if (this.#waiting.size === 0) setTimeout(() => this.#notify(), TOGETHER_MS);
    this.#waiting.set(id, message);
  }

  async #notify() {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (await this.#isInFront()) return;
    await Promise.all(waiting.map(([, { content }]) => readerFor(content)));
    for (const [id, message] of waiting) {
      const room = this.#mirror.room(id);
      if (room === undefined || this.#mirror.isMuted(id) || this.#mirror.unread(id) === 0) continue;
      this.#close(id);
      this.#show(id, titleOf(room.shown, this.#mirror.user.id), message);
    }
  }

  /**
   * @param {string} id
   * @param {string} title
   * @param {Message} message
   */
  #show(id, title, message) {
    let notification;
    try {
      notification = new Notification(title, { body: `${message.user.username}: ${lastWords(message)}`, tag: id });
    } catch {
      return; // browsers of phones have them for installed sites only
    }
    this.#shown.set(id, { notification, message: message.id });
    notification.onclick = () => {
      window.focus();
      this.#open(`/rooms/${id}/#unread`);
      this.#close(id);
    };
  }

  /** @param {string} id */
  #close(id) {
    this.#shown.get(id)?.notification.close();
    this.#shown.delete(id);
  }

  get #isLookedAt() {
    return document.visibilityState === "visible" && document.hasFocus();
  }

  /** Whether any window of this user is in front: the one that is holds a lock. */
  async #isInFront() {
    if (this.#isLookedAt) return true;
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return held.some(({ name }) => name === this.#front);
  }

  #release = () => {};

  /** Hold the lock while this window is in front. */
  #holdFront() {
    this.#release();
    if (!this.#isLookedAt) return;
    const isOver = new Promise((resolve) => (this.#release = () => resolve(undefined)));
    navigator.locks?.request(this.#front, { mode: "shared" }, () => isOver);
  }
}

/**
 * The message that an event is about; null where it has none.
 *
 * @param {RoomChange} event
 * @returns {Message | null}
 */
function messageOf({ body }) {
  if ("content" in body) return body;
  return "message" in body ? body.message : null;
}

/**
 * Whether the words of a message were retracted or erased.
 *
 * @param {RoomChange} event
 * @param {number} message
 */
function isTakenBack({ body }, message) {
  if ("versions" in body) return body.versions.includes(message);
  return "message" in body && body.message?.id === message && body.message.retracted !== undefined;
}
