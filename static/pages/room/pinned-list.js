import { quote } from "./quote.js";

/**
 * @import { Message } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
 */

/** The pinned messages of a live room, the last pinned first. */
export class PinnedList {
  #list;
  #room;
  /** @type {Message[] | null} */
  #shown = null;

  /**
   * @param {HTMLElement} list
   * @param {Room} room
   */
  constructor(list, room) {
    this.#list = list;
    this.#room = room;
  }

  render() {
    const { pinned } = this.#room;
    if (pinned === this.#shown || pinned === null) return;
    this.#shown = pinned;
    this.#list.replaceChildren(...pinned.map((message) => pinnedItem(this.#room.id, message)));
  }
}

/**
 * @param {string} roomId
 * @param {Message} message
 */
function pinnedItem(roomId, message) {
  const item = document.createElement("li");
  const link = document.createElement("a");
  item.dataset.id = String(message.id);
  link.href = `/rooms/${roomId}/messages/${message.id}/`;
  link.append(...quote(message));
  item.append(link);
  return item;
}
