import { badge, counted } from "../onrecord/format.js";
import { lastWords, titleOf } from "../onrecord/text.js";
import { find, fromTemplate, itemsOf, write } from "./dom.js";

/**
 * @import { Mirror } from "../onrecord/mirror.js"
 * @import { Room } from "../onrecord/shapes.js"
 */

/** @typedef {{ element: HTMLElement, shown: Room | null, unread: number | null }} Item */

/** A list of the user's rooms, latest bumped first, with the number of unread messages in each. */
export class RoomList {
  #list;
  #mirror;
  /** @type {Map<string | undefined, Item>} */
  #items = new Map();
  /** @type {HTMLElement | null | undefined} */
  #empty;

  /**
   * @param {HTMLElement} list
   * @param {Mirror} mirror
   */
  constructor(list, mirror) {
    this.#list = list;
    this.#mirror = mirror;
    this.#empty = list.parentElement?.querySelector(".empty");
    for (const element of itemsOf(list)) this.#items.set(element.dataset.id, { element, shown: null, unread: null });
  }

  get element() {
    return this.#list;
  }

  render() {
    const rooms = this.#mirror.rooms;
    const ids = new Set(rooms.map((room) => room.id));
    for (const [id, { element }] of this.#items) {
      if (id !== undefined && ids.has(id)) continue;
      element.remove();
      this.#items.delete(id);
    }
    rooms.forEach((room, place) => {
      const element = this.#element(room);
      if (this.#list.children[place] !== element) this.#list.insertBefore(element, this.#list.children[place] ?? null);
    });
    if (this.#empty) this.#empty.hidden = rooms.length > 0;
  }

  /** @param {Room} room */
  #element(room) {
    const unread = this.#mirror.unread(room.id);
    const item = this.#items.get(room.id) ?? { element: fromTemplate("room-template"), shown: null, unread: null };
    this.#items.set(room.id, item);
    if (item.shown !== room) fillRoom(item.element, room, this.#mirror.user.id);
    if (item.unread !== unread) fillUnread(item.element, unread);
    item.shown = room;
    item.unread = unread;
    return item.element;
  }
}

/**
 * @param {HTMLElement} item
 * @param {Room} room
 * @param {number} me
 */
function fillRoom(item, room, me) {
  const last = room.last_message;
  item.dataset.id = room.id;
  find(item, "a", HTMLAnchorElement).href = `/rooms/${room.id}/`;
  write(find(item, ".name bdi"), titleOf(room, me));
  write(find(item, ".last bdi"), last === null ? "No messages yet" : `${last.user.username}: ${lastWords(last)}`);
  write(find(item, ".members"), counted(room.member_count, "member"));
}

/**
 * @param {HTMLElement} item
 * @param {number} unread
 */
function fillUnread(item, unread) {
  find(item, ".unread").hidden = unread === 0;
  write(find(item, ".count"), badge(unread));
}
