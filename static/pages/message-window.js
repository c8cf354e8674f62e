import { items } from "./message-items.js";
import { day, separator } from "./words.js";

const PAGE = 100; // messages that come in at once
const MOST = 400; // items on the page

/**
 * The part of a room's messages that is on the page. The room remembers all that were loaded; a page that had them all
 * would lay them all out for each that comes in.
 */
export class MessageWindow {
  #list;
  #room;

  constructor(list, room) {
    this.#list = list;
    this.#room = room;
  }

  get isEmpty() {
    return this.#list.childElementCount === 0;
  }

  /** Ids of the first and the last message on the page. */
  get first() {
    return Number(this.#list.querySelector(":scope > .message")?.dataset.id ?? Infinity);
  }

  get last() {
    return Number(this.#list.lastElementChild?.dataset.id ?? 0);
  }

  /** Whether the room remembers messages that are older than those on the page, and newer ones. */
  get hasAbove() {
    return this.#room.messages[0]?.id < this.first;
  }

  get hasBelow() {
    return this.#room.messages.at(-1)?.id > this.last;
  }

  /** Move to the newest messages. */
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
    if (!this.hasAbove) return;
    const older = this.#above().slice(-PAGE);
    const { firstElementChild } = this.#list;
    if (firstElementChild?.textContent === day(older.at(-1).created_at)) firstElementChild.remove();
    this.#list.prepend(items(this.#room.id, older));
    while (this.#list.childElementCount > MOST || this.#list.lastElementChild.matches(".day")) {
      this.#list.lastElementChild.remove();
    }
  }

  #above() {
    const { first } = this;
    const { messages } = this.#room;
    const end = messages.findIndex((message) => message.id >= first);
    return end < 0 ? messages : messages.slice(0, end);
  }

  #below() {
    const { last } = this;
    const { messages } = this.#room;
    return messages.slice(messages.findLastIndex((message) => message.id <= last) + 1);
  }

  #append(newer) {
    const time = this.#list.lastElementChild?.querySelector("time");
    this.#list.append(items(this.#room.id, newer, time ? day(time.dateTime) : null));
    if (this.#list.childElementCount > MOST) this.#trim();
  }

  /** All move when what is above them goes, so many go at a time. */
  #trim() {
    while (this.#list.childElementCount > MOST - PAGE) this.#list.firstElementChild.remove();
    const { firstElementChild } = this.#list;
    if (firstElementChild.matches(".message")) {
      firstElementChild.before(separator(day(firstElementChild.querySelector("time").dateTime)));
    }
  }
}
