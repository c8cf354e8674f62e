import { day } from "../onrecord/format.js";
import { messageItems } from "./message-items.js";
import { dayOf, separator } from "./times.js";

/**
 * @import { Message } from "../onrecord/shapes.js"
 * @import { Room } from "../onrecord/room.js"
 */

const PAGE = 100; // messages added at once
const MAX_ITEMS = 400; // in the document

/**
 * The part of a room's messages that is in the document. The room keeps all that were loaded; a document with all of
 * them would be laid out again for each new one.
 */
export class MessageWindow {
  #list;
  #room;

  /**
   * @param {HTMLElement} list
   * @param {Room} room an open one
   */
  constructor(list, room) {
    this.#list = list;
    this.#room = room;
  }

  get isEmpty() {
    return this.#list.childElementCount === 0;
  }

  /** The first message's item. */
  get firstItem() {
    return /** @type {HTMLElement | null} */ (this.#list.querySelector(":scope > .message"));
  }

  /** The last message's item. */
  get lastItem() {
    return /** @type {HTMLElement | null} */ (this.#list.lastElementChild);
  }

  /** Ids of the first and the last message in the document. */
  get first() {
    return Number(this.firstItem?.dataset.id ?? Infinity);
  }

  get last() {
    return Number(this.lastItem?.dataset.id ?? 0);
  }

  /** Whether messages were loaded that are older than those in the document, or newer. */
  get hasAbove() {
    return (this.#messages[0]?.id ?? Infinity) < this.first;
  }

  get hasBelow() {
    return (this.#messages.at(-1)?.id ?? 0) > this.last;
  }

  /** Show the newest messages. */
  toNewest() {
    if (!this.hasBelow) return;
    const below = this.#below();
    if (below.length > PAGE) this.#list.replaceChildren();
    this.#append(below.slice(-PAGE));
  }

  moveDown() {
    this.#append(this.#below().slice(0, PAGE));
  }

  moveUp() {
    const older = this.#above().slice(-PAGE);
    const newest = older.at(-1);
    if (newest === undefined) return;
    const { firstElementChild } = this.#list;
    if (firstElementChild?.textContent === day(newest.created_at)) firstElementChild.remove();
    this.#list.prepend(messageItems(this.#room.id, older));
    while (this.#list.childElementCount > MAX_ITEMS || this.#list.lastElementChild?.matches(".day")) {
      this.#list.lastElementChild?.remove();
    }
  }

  get #messages() {
    return this.#room.messages ?? [];
  }

  #above() {
    const { first } = this;
    const end = this.#messages.findIndex((message) => message.id >= first);
    return end < 0 ? this.#messages : this.#messages.slice(0, end);
  }

  #below() {
    const { last } = this;
    return this.#messages.slice(this.#messages.findLastIndex((message) => message.id <= last) + 1);
  }

  /** @param {Message[]} newer */
  #append(newer) {
    this.#list.append(messageItems(this.#room.id, newer, this.lastItem === null ? null : dayOf(this.lastItem)));
    if (this.#list.childElementCount > MAX_ITEMS) this.#trim();
  }

  /** Removing items moves all those below, so many are removed at a time. */
  #trim() {
    while (this.#list.childElementCount > MAX_ITEMS - PAGE) this.#list.firstElementChild?.remove();
    const first = this.#list.firstElementChild;
    if (first?.matches(".message")) first.before(separator(dayOf(first)));
  }
}
