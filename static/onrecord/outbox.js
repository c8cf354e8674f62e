/**
 * A message that was sent and is not in the log yet, as far as this page knows.
 *
 * @typedef {object} OutgoingMessage
 * @property {string} key The idempotency key: the same for every attempt, so the message is recorded once.
 * @property {string} content
 * @property {"pending" | "failed"} state
 * @property {string} problem Why it failed.
 * @property {number | null} publishedAs The id of the published message that is assumed to be this one.
 */

/** Outgoing messages: shown at once, confirmed by the API's answer, or failed and sent again. No network, no DOM. */
export class Outbox {
  /** @type {OutgoingMessage[]} */
  #messages = [];

  /** @param {() => string} newKey makes a unique key */
  constructor(newKey) {
    this.newKey = newKey;
  }

  /** Those to show, oldest first. */
  get messages() {
    return this.#messages.filter((message) => message.publishedAs === null);
  }

  /** @param {string} content */
  add(content) {
    /** @type {OutgoingMessage} */
    const message = { key: this.newKey(), content, state: "pending", problem: "", publishedAs: null };
    this.#messages.push(message);
    return message;
  }

  /**
   * It is in the log, or the user discarded it.
   *
   * @param {OutgoingMessage} message
   */
  remove(message) {
    this.#messages = this.#messages.filter((other) => other !== message);
  }

  /**
   * @param {OutgoingMessage} message
   * @param {string} problem
   */
  fail(message, problem) {
    Object.assign(message, { state: "failed", problem });
  }

  /** @param {OutgoingMessage} message */
  retry(message) {
    Object.assign(message, { state: "pending", problem: "" });
  }

  /**
   * One of the user's own messages was published. A publication often arrives before the API's answer, so the oldest
   * outgoing message with the same content is assumed to be it, and hidden until its answer settles that.
   *
   * @param {{ id: number, content: string }} published
   */
  match(published) {
    const message = this.messages.find((other) => other.content === published.content);
    if (message !== undefined) message.publishedAs = published.id;
  }
}
