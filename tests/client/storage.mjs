/** The browser's storage, as far as the library uses it; `isFull` makes it refuse whatever is added. */
export class FakeStorage {
  isFull = false;
  /** @type {Map<string, string>} */
  #texts = new Map();

  get length() {
    return this.#texts.size;
  }

  /** @param {number} place */
  key(place) {
    return [...this.#texts.keys()][place] ?? null;
  }

  /** @param {string} key */
  getItem(key) {
    return this.#texts.get(key) ?? null;
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  setItem(key, text) {
    if (this.isFull) throw new Error("QuotaExceededError");
    this.#texts.set(key, text);
  }

  /** @param {string} key */
  removeItem(key) {
    this.#texts.delete(key);
  }

  clear() {
    this.#texts.clear();
  }
}
