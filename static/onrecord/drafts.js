/** @import { UserStore } from "./user-store.js" */

/** What a user has typed into each room and not sent. */
export class Drafts {
  #store;

  /** @param {UserStore} store */
  constructor(store) {
    this.#store = store;
  }

  /** Whether they outlive this window. */
  get isSafe() {
    return this.#store.isSafe;
  }

  /** @param {string} roomId */
  read(roomId) {
    return this.#store.get(draftName(roomId)) ?? "";
  }

  /**
   * @param {string} roomId
   * @param {string} text
   */
  write(roomId, text) {
    if (text === "") this.#store.delete(draftName(roomId));
    else this.#store.set(draftName(roomId), text);
  }
}

/** @param {string} roomId */
export const draftName = (roomId) => `draft:${roomId}`;
