/**
 * @import { Api } from "../onrecord/api.js"
 * @import { Mirror } from "../onrecord/mirror.js"
 * @import { Room } from "../onrecord/room.js"
 */

const PAUSE_MS = 1000;

/** Tells the server how far the user has read a room, at most once a second, and nothing that it knows already. */
export class ReadMarker {
  #room;
  #mirror;
  #api;
  #isSeen;
  #marked;
  #isPaused = false;

  /**
   * @param {{ room: Room, mirror: Mirror, api: Api }} parts
   * @param {() => boolean} isSeen whether the newest message is in sight
   */
  constructor({ room, mirror, api }, isSeen) {
    this.#room = room;
    this.#mirror = mirror;
    this.#api = api;
    this.#isSeen = isSeen;
    this.#marked = room.version; // the server marked it when it rendered the page
  }

  async update() {
    const { id, version, isLeft } = this.#room;
    const isKnown = version <= this.#marked && this.#mirror.unread(id) === 0;
    if (this.#isPaused || isKnown || isLeft || !this.#isSeen()) return;
    this.#isPaused = true;
    try {
      const reading = await this.#api.post(`/api/rooms/${id}/read/`, { version });
      this.#marked = version;
      this.#mirror.receiveReading(reading);
    } catch {
      // the next update tries again
    }
    setTimeout(() => {
      this.#isPaused = false;
      this.update();
    }, PAUSE_MS);
  }
}
