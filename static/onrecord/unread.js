/** @import { Reading } from "./shapes.js" */

/**
 * How far the user has read one room, and how many messages by others came since.
 *
 * A Reading of the API counts messages up to its `counted`; those beyond it are counted here, each once.
 */
export class Unread {
  /** Whether each mentions the user, by its version. @type {Map<number, boolean>} */
  #later = new Map();

  /** @param {Reading} reading */
  constructor(reading) {
    this.reading = reading;
  }

  get count() {
    let count = this.reading.unread;
    for (const version of this.#later.keys()) if (version > this.reading.version) count += 1;
    return count;
  }

  get mentions() {
    let count = this.reading.mentions;
    for (const [version, isMention] of this.#later) if (isMention && version > this.reading.version) count += 1;
    return count;
  }

  /**
   * Another user's message at this version.
   *
   * @param {number} version
   * @param {boolean} isMention of this user
   */
  addMessage(version, isMention) {
    if (version > this.reading.counted) this.#later.set(version, isMention);
  }

  /**
   * A newer reading, from a device of this user or from the server; an older one changes nothing.
   *
   * @param {Reading} reading
   */
  update(reading) {
    if (reading.version < this.reading.version || reading.counted < this.reading.counted) return;
    this.reading = reading;
    for (const version of this.#later.keys()) if (version <= reading.counted) this.#later.delete(version);
  }
}
