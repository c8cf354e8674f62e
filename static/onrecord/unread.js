/** @import { Reading } from "./shapes.js" */

/** The API counts no further, so a page does not either. */
const MOST_COUNTED = 100;

/**
 * How far the user has read one room, how many messages by others came since, and whether the user muted it.
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

  #muteChanges;
  /** A reading that counted no further is perhaps of an earlier stay, which had a mute of its own. */
  #since;

  /** @param {Reading} reading */
  constructor(reading) {
    this.reading = reading;
    this.isMuted = reading.is_muted;
    this.#muteChanges = reading.mute_changes;
    this.#since = reading.counted;
  }

  get count() {
    let count = this.reading.unread;
    for (const version of this.#later) if (version > this.reading.version) count += 1;
    return Math.min(count, MOST_COUNTED);
  }

  get mentions() {
    let count = this.reading.mentions;
    for (const version of this.#mentions.keys()) if (version > this.reading.version) count += 1;
    return Math.min(count, MOST_COUNTED);
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
    if (reading.mute_changes > this.#muteChanges && reading.counted >= this.#since) {
      this.isMuted = reading.is_muted;
      this.#muteChanges = reading.mute_changes;
    }
    if (reading.version < this.reading.version || reading.counted < this.reading.counted) return;
    this.reading = reading;
    for (const version of this.#later) if (version <= reading.counted) this.#later.delete(version);
    for (const [version, namedAt] of this.#mentions) if (namedAt <= reading.counted) this.#mentions.delete(version);
  }
}
