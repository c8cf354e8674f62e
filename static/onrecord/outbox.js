/**
 * @import { AttachedFile } from "./uploads.js"
 * @import { UserStore } from "./user-store.js"
 */

/**
 * A message that was typed and is not in the log, as far as this browser knows.
 *
 * @typedef {object} OutgoingMessage
 * @property {string} key The idempotency key: the same for every attempt, so the message is recorded once.
 * @property {string} roomId
 * @property {string} content
 * @property {number} [replyTo] The id of the message that it answers.
 * @property {AttachedFile[]} [files] What it brings along, on the server already.
 * @property {number} typedAt Milliseconds; rising in a room.
 * @property {"pending" | "waiting" | "refused"} state Sent now; sent again later; sent again only by the user.
 * @property {string} problem Why it waits or was refused.
 */

const NAME = "outgoing:";

/** Whether a name in the store is an outgoing message's. @param {string | null} name */
export const isOutgoing = (name) => name !== null && name.startsWith(NAME);

/** Milliseconds. The server forgets keys after a week, and yesterday's message should be read before it is sent. */
const TOO_OLD = 24 * 3_600_000;

/**
 * What a user's windows have to send. Each message is kept under a name of its own, so windows that add and remove at
 * the same time do not disturb each other. It is removed when the API has answered its key, or by the user: never
 * because a message that was published has the same words. No network, no DOM.
 */
export class Outbox {
  /** @type {Map<string, OutgoingMessage>} */
  #messages = new Map();
  #store;
  #newKey;
  #now;

  /**
   * @param {UserStore} store
   * @param {() => string} newKey makes a unique key
   * @param {() => number} now
   */
  constructor(store, newKey, now = Date.now) {
    this.#store = store;
    this.#newKey = newKey;
    this.#now = now;
    this.reload();
  }

  /** Rooms with messages to send. */
  get roomIds() {
    return [...new Set([...this.#messages.values()].map(({ roomId }) => roomId))];
  }

  /** Of one room, in the order typed. @param {string} roomId */
  of(roomId) {
    const messages = [...this.#messages.values()].filter((message) => message.roomId === roomId);
    return messages.sort((one, other) => one.typedAt - other.typedAt || (one.key < other.key ? -1 : 1));
  }

  /** What to send next in a room. A refused message does not hold up the others. @param {string} roomId */
  next(roomId) {
    return this.of(roomId).find(({ state }) => state !== "refused");
  }

  /**
   * @param {string} roomId
   * @param {string} content
   * @param {number} [replyTo] the id of the message that it answers
   * @param {AttachedFile[]} [files] what it brings along
   */
  add(roomId, content, replyTo, files = []) {
    const about = { ...(replyTo !== undefined && { replyTo }), ...(files.length > 0 && { files }) };
    const base = { key: this.#newKey(), roomId, content, ...about };
    /** @type {OutgoingMessage} */
    const message = { ...base, typedAt: this.#end(roomId), state: "pending", problem: "" };
    this.#messages.set(message.key, message);
    this.#save(message);
    return message;
  }

  /**
   * An event of this user is in the log; if it is a message from here, it has its key.
   *
   * @param {{ idempotency_key?: string }} event
   */
  confirm({ idempotency_key: key }) {
    if (key !== undefined && this.#messages.has(key)) this.remove({ key });
  }

  /** It is in the log, or the user discarded it. @param {Pick<OutgoingMessage, "key">} message */
  remove({ key }) {
    this.#messages.delete(key);
    this.#store.delete(NAME + key);
  }

  /**
   * It did not get through and will be sent again.
   *
   * @param {OutgoingMessage} message
   * @param {string} problem
   */
  wait(message, problem) {
    Object.assign(message, { state: "waiting", problem });
  }

  /**
   * It will not be sent again unless the user says so.
   *
   * @param {OutgoingMessage} message
   * @param {string} problem
   */
  refuse(message, problem) {
    Object.assign(message, { state: "refused", problem });
    this.#save(message);
  }

  /** The user wants a refused message sent after all. @param {OutgoingMessage} message */
  retry(message) {
    Object.assign(message, { state: "pending", problem: "", typedAt: this.#end(message.roomId) });
    this.#save(message);
  }

  /** Read again what the browser keeps: another window may have changed it. */
  reload() {
    const kept = new Map(this.#store.names(NAME).map((name) => [name.slice(NAME.length), this.#store.get(name)]));
    for (const key of this.#messages.keys()) if ((kept.get(key) ?? null) === null) this.#messages.delete(key);
    for (const [key, text] of kept) if (text !== null) this.#load(key, text);
  }

  /** The time of a message that comes after all others of the room. @param {string} roomId */
  #end(roomId) {
    return Math.max(this.#now(), (this.of(roomId).at(-1)?.typedAt ?? 0) + 1);
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  #load(key, text) {
    const { refusal, ...kept } = JSON.parse(text);
    const { typedAt } = kept;
    const message = this.#messages.get(key) ?? { key, ...kept, state: "pending", problem: "" };
    message.typedAt = typedAt;
    if (refusal !== null) Object.assign(message, { state: "refused", problem: refusal });
    else if (message.state === "refused") Object.assign(message, { state: "pending", problem: "" });
    this.#messages.set(key, message);
    const isTooOld = message.state !== "refused" && this.#now() - typedAt > TOO_OLD;
    if (isTooOld) this.refuse(message, "You wrote this more than a day ago.");
  }

  /** @param {OutgoingMessage} message */
  #save({ key, roomId, content, replyTo, files, typedAt, state, problem }) {
    if (!this.#messages.has(key)) return; // another window has sent or discarded it
    const refusal = state === "refused" ? problem : null;
    this.#store.set(NAME + key, JSON.stringify({ roomId, content, replyTo, files, typedAt, refusal }));
  }
}
