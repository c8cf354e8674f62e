/** @import { Reading } from "./shapes.js" */

/**
 * How far the user has read one room, and how many messages by others came since.
 *
 * A Reading of the API counts messages up to its `counted`; those beyond it are counted here, each once.
 */
export class Unread {
  /** Versions of messages. @type {Set<number>} */
  #later = new Set();
  /**
   * By the versions of messages that mention the user: the version that named them, of the message or of an edit.
   *
   * @type {Map<number, number>}
   */
  #mentions = new Map();

  /** @param {Reading} reading */
  constructor(reading) {
    this.reading = reading;
  }

  get count() {
    let count = this.reading.unread;
    for (const version of this.#later) if (version > this.reading.version) count += 1;
    return count;
  }

  get mentions() {
    let count = this.reading.mentions;
    for (const version of this.#mentions.keys()) if (version > this.reading.version) count += 1;
    return count;
  }

  /**
   * Another user's message at this version.
   *
   * @param {number} version
   */
  addMessage(version) {
    if (version > this.reading.counted) this.#later.add(version);
  }

  /**
   * Another user's message mentions this user, and did not before.
   *
   * @param {number} version of the message
   * @param {number} namedAt
   */
  addMention(version, namedAt) {
    if (namedAt > this.reading.counted) this.#mentions.set(version, namedAt);
  }

  /**
   * A newer reading, from a device of this user or from the server; an older one changes nothing.
   *
   * @param {Reading} reading
   */
  update(reading) {
    if (reading.version < this.reading.version || reading.counted < this.reading.counted) return;
    this.reading = reading;
    for (const version of this.#later) if (version <= reading.counted) this.#later.delete(version);
    for (const [version, namedAt] of this.#mentions) if (namedAt <= reading.counted) this.#mentions.delete(version);
  }
}
