/**
 * How far somebody has read one room, and how many messages of others came since.
 *
 * A Reading of the API counts up to its `counted`; messages beyond it are counted here, each once.
 */
export class Unread {
  #later = new Set();

  constructor(reading) {
    this.reading = reading;
  }

  get count() {
    let count = this.reading.unread;
    for (const version of this.#later) if (version > this.reading.version) count += 1;
    return count;
  }

  /** A message of somebody else, at this version. */
  message(version) {
    if (version > this.reading.counted) this.#later.add(version);
  }

  /** What a device read, or the server says was read; an older answer than the one at hand changes nothing. */
  read(reading) {
    if (reading.version < this.reading.version || reading.counted < this.reading.counted) return;
    this.reading = reading;
    for (const version of this.#later) if (version <= reading.counted) this.#later.delete(version);
  }
}
