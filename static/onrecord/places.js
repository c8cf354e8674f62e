/** @typedef {{ position: number, log: string }} Place A position, and what the server calls the log as it was there. */

/** @typedef {{ position: number, log?: string }} Told What came with a place, or with none. */

/**
 * Whose word it is that a place is in the log. The newest from one source stands for all from there; of another source,
 * it may be in a log that went back meanwhile.
 *
 * @param {string} log
 */
const sourceOf = (log) => log.slice(0, log.indexOf("-"));

/**
 * @param {Place} one
 * @param {Place} other
 */
const newer = (one, other) => (other.position > one.position ? other : one);

/** The places in the log that everything shown came from: usually one. The server says whether it has them. */
export class Places {
  /** @type {Place[]} */
  #places = [];

  /** As the server gave them. */
  get all() {
    return this.#places.map(({ log }) => log);
  }

  /**
   * What is shown came from here as well: from a page.
   *
   * @param {Told} page
   */
  add({ position, log }) {
    if (log !== undefined && !this.all.includes(log)) this.#places.push({ position, log });
  }

  /**
   * The same from a publication, or the answer to a command: in place of the one before from its source.
   *
   * @param {Told} publication
   */
  replace({ position, log }) {
    if (log === undefined) return;
    const before = this.#places.find((place) => sourceOf(place.log) === sourceOf(log));
    if (before !== undefined && before.position >= position) return;
    this.#places = [...this.#places.filter((place) => place !== before), { position, log }];
  }

  /**
   * The server has those that it was `asked` about in its log. The newest stands for them all, or that of the answer.
   *
   * @param {string[]} asked
   * @param {{ position?: number, log?: string }} [answer]
   */
  confirm(asked, { position = 0, log } = {}) {
    const confirmed = this.#places.filter((place) => asked.includes(place.log));
    const later = this.#places.filter((place) => !confirmed.includes(place));
    const known = confirmed.length > 0 ? confirmed.reduce(newer) : undefined;
    const newest = log === undefined ? known : { position: Math.max(position, known?.position ?? 0), log };
    this.#places = newest === undefined ? later : [newest, ...later];
  }
}
