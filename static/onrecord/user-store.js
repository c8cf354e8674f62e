/**
 * Small texts that a browser keeps for one user, by name: in its storage, where all windows of that user find them and
 * no other user's windows look; in memory where the storage is full or blocked.
 */
export class UserStore {
  #prefix;
  #storage;
  /** What the storage did not take. @type {Map<string, string>} */
  #memory = new Map();

  /**
   * @param {number} userId
   * @param {Storage | null} storage
   */
  constructor(userId, storage) {
    this.#prefix = `onrecord:${userId}:`;
    this.#storage = storage;
  }

  /** Whether everything that was set outlives this window. */
  get isSafe() {
    return this.#memory.size === 0;
  }

  /** Names that begin with `beginning`. @param {string} beginning */
  names(beginning) {
    const stored = Array.from({ length: this.#storage?.length ?? 0 }, (_, place) => {
      return this.nameOf(this.#storage?.key(place) ?? "") ?? "";
    });
    return [...new Set([...stored, ...this.#memory.keys()])].filter((name) => name.startsWith(beginning));
  }

  /** The name of a key of the storage; null for one that is not this user's. @param {string} key */
  nameOf(key) {
    return key.startsWith(this.#prefix) ? key.slice(this.#prefix.length) : null;
  }

  /** @param {string} name */
  get(name) {
    return this.#memory.get(name) ?? this.#storage?.getItem(this.#prefix + name) ?? null;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  set(name, text) {
    this.#memory.delete(name);
    try {
      if (this.#storage === null) throw new Error("no storage");
      this.#storage.setItem(this.#prefix + name, text);
    } catch {
      this.delete(name); // an older text must not come back in place of this one
      this.#memory.set(name, text);
    }
  }

  /** @param {string} name */
  delete(name) {
    this.#memory.delete(name);
    this.#storage?.removeItem(this.#prefix + name);
  }
}

/** The browser's storage; null where it is blocked. */
export function browserStorage() {
  try {
    return globalThis.localStorage ?? null;
  } catch {
    return null;
  }
}
