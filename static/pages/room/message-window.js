import { day } from "../../onrecord/format.js";
import { fromTemplate } from "../dom.js";
import { isOutdated, messageItem, messageItems } from "./message-items.js";
import { dayOf, groupMessages, separator } from "../times.js";
import { JoinLines } from "./join-lines.js";

/**
 * @import { Message } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
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
  #readUpTo;
  #unreadLine;
  #joinLines;

  /**
   * @param {HTMLElement} list
   * @param {Room} room an open one
   * @param {number} readUpTo the version up to which the user had read the room; Infinity when all of it
   */
  constructor(list, room, readUpTo) {
    this.#list = list;
    this.#room = room;
    this.#readUpTo = readUpTo;
    /** @type {HTMLElement} */
    this.#unreadLine = list.querySelector(".unread-line") ?? fromTemplate("unread-line-template");
    this.#joinLines = new JoinLines(list, room);
    this.#joinLines.place(this.hasAbove);
    this.#placeUnreadLine();
  }

  /** The line above the first message that was unread; null where that message is not in the document. */
  get unreadLine() {
    return this.#unreadLine.isConnected ? this.#unreadLine : null;
  }

  get isEmpty() {
    return this.firstItem === null;
  }

  /** The first message's item. */
  get firstItem() {
    return /** @type {HTMLElement | null} */ (this.#list.querySelector(":scope > .message"));
  }

  /** The last message's item. */
  get lastItem() {
    return lastMessageOf(this.#list);
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

  /** Show what was done about messages: words that were edited, retracted or erased leave the document. */
  refresh() {
    if (this.#joinLines.isOutdated && this.#joinLines.place(this.hasAbove)) groupMessages(this.#list);
    const items = /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll(":scope > .message"));
    if (items.length === 0) return;
    const shown = new Map(this.#messages.map((message) => [message.id, message]));
    let isChanged = false;
    for (const item of items) {
      const message = shown.get(Number(item.dataset.id));
      if (message === undefined || !isOutdated(item, this.#room, message)) continue;
      item.replaceWith(messageItem(this.#room, message));
      isChanged = true;
    }
    if (isChanged) groupMessages(this.#list);
  }

  /** Show the newest messages. */
  toNewest() {
    if (!this.hasBelow) return;
    const below = this.#below();
    this.#change(() => {
      if (below.length > PAGE) this.#list.replaceChildren();
      this.#append(below.slice(-PAGE));
    });
  }

  moveDown() {
    this.#change(() => this.#append(this.#below().slice(0, PAGE)));
  }

  moveUp() {
    this.#change(() => this.#prepend());
  }

  /**
   * Changes see messages and days only: the line is put back afterwards.
   *
   * @param {() => void} change
   */
  #change(change) {
    this.#unreadLine.remove();
    this.#joinLines.removeFirst();
    change();
    this.#joinLines.place(this.hasAbove);
    this.#placeUnreadLine();
  }

  #placeUnreadLine() {
    const isUnread = (/** @type {Message} */ { id, user }) => id > this.#readUpTo && user.id !== this.#room.me;
    const first = this.#messages.find(isUnread);
    const item = first && this.#list.querySelector(`#m${first.id}`);
    if (item) item.before(this.#unreadLine);
    else this.#unreadLine.remove();
    groupMessages(this.#list);
  }

  #prepend() {
    const older = this.#above().slice(-PAGE);
    const newest = older.at(-1);
    if (newest === undefined) return;
    const { firstElementChild } = this.#list;
    if (firstElementChild?.textContent === day(newest.created_at)) firstElementChild.remove();
    this.#list.prepend(messageItems(this.#room, older));
    while (this.#list.childElementCount > MAX_ITEMS || this.#list.lastElementChild?.matches(".day, .joins")) {
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
    this.#list.append(messageItems(this.#room, newer, this.lastItem === null ? null : dayOf(this.lastItem)));
    if (this.#list.childElementCount > MAX_ITEMS) this.#trim();
  }

  /** Removing items moves all those below, so many are removed at a time. */
  #trim() {
    while (this.#list.childElementCount > MAX_ITEMS - PAGE) this.#list.firstElementChild?.remove();
    this.#joinLines.removeFirst();
    const first = this.#list.firstElementChild;
    if (first?.matches(".message")) first.before(separator(dayOf(first)));
  }
}

/** @param {HTMLElement} list */
function lastMessageOf(list) {
  let item = list.lastElementChild;
  while (item !== null && !item.matches(".message")) item = item.previousElementSibling;
  return /** @type {HTMLElement | null} */ (item);
}
