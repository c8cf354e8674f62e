/**
 * Messages on their way: shown at once, confirmed by their answer, or marked failed to be sent again.
 *
 * Pure: no network, no DOM. The key of a letter stays the same however often it is sent, so it is said once.
 */
export class Outbox {
  #letters = [];

  /** `newKey()` makes a text that nobody else makes. */
  constructor(newKey) {
    this.newKey = newKey;
  }

  /** Those to be shown, oldest first: {key, content, state: "pending" or "failed", problem}. */
  get letters() {
    return this.#letters.filter((letter) => letter.seenAs === null);
  }

  add(content) {
    const letter = { key: this.newKey(), content, state: "pending", problem: "", seenAs: null };
    this.#letters.push(letter);
    return letter;
  }

  /** It is in the log, or given up. */
  remove(letter) {
    this.#letters = this.#letters.filter((other) => other !== letter);
  }

  fail(letter, problem) {
    Object.assign(letter, { state: "failed", problem });
  }

  retry(letter) {
    Object.assign(letter, { state: "pending", problem: "" });
  }

  /**
   * A message of one's own came in. Publications are often quicker than answers: the oldest letter that says the same is
   * taken for it and not shown twice, until its answer tells for certain.
   */
  see(message) {
    const letter = this.#letters.find((other) => other.seenAs === null && other.content === message.content);
    if (letter !== undefined) letter.seenAs = message.id;
  }
}
