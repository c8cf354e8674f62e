/** @import { UserStore } from "./user-store.js" */

/** What a user has typed into each room and not sent. */
export class Drafts {
  #store;

  /** @param {UserStore} store */
  constructor(store) {
    this.#store = store;
  }

  /** @param {string} roomId */
  read(roomId) {
    return this.#store.get(nameOf(roomId)) ?? "";
  }

  /**
   * @param {string} roomId
   * @param {string} text
   */
  write(roomId, text) {
    if (text === "") this.#store.delete(nameOf(roomId));
    else this.#store.set(nameOf(roomId), text);
  }
}

/** @param {string} roomId */
const nameOf = (roomId) => `draft:${roomId}`;
