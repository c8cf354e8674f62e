import { ApiError } from "./api.js";

/**
 * @import { Api } from "./api.js"
 * @import { Outbox, OutgoingMessage } from "./outbox.js"
 * @import { AnsweredEvent, Message } from "./shapes.js"
 */

const RETRY_MS = [500, 1000, 2000, 5000, 10_000, 30_000];

/**
 * Sends what is in the outbox: in each room one message at a time, in the order typed. One that gets no answer is sent
 * again, after longer and longer pauses, before those after it; one that is refused stays in the outbox and lets them
 * pass.
 */
export class Sender {
  /** Called when the outbox changed. */
  onChange = () => {};
  isStopped = false;
  #outbox;
  #api;
  #onSent;
  #onStop;
  /** Rooms that are being sent to. @type {Set<string>} */
  #busy = new Set();
  /** What ends the pauses between attempts. @type {Set<() => void>} */
  #pauses = new Set();

  /**
   * @param {object} parts
   * @param {Outbox} parts.outbox
   * @param {Pick<Api, "record">} parts.api
   * @param {(event: AnsweredEvent<Message>) => void} parts.onSent
   * @param {(error: ApiError) => void} [parts.onStop] the session ended or is another user's: nothing more is sent
   */
  constructor({ outbox, api, onSent, onStop = () => {} }) {
    this.#outbox = outbox;
    this.#api = api;
    this.#onSent = onSent;
    this.#onStop = onStop;
  }

  /** Send everything now: the page was loaded, or the server can be reached again. */
  wake() {
    for (const end of this.#pauses) end();
    for (const roomId of this.#outbox.roomIds) this.#drain(roomId);
  }

  /** Send nothing more: the user of this page has no session. */
  stop() {
    this.isStopped = true;
    this.onChange();
  }

  /** @param {string} roomId */
  async #drain(roomId) {
    if (this.#busy.has(roomId)) return;
    this.#busy.add(roomId);
    let failures = 0;
    for (let message = this.#next(roomId); message !== undefined; message = this.#next(roomId)) {
      failures = (await this.#send(message)) ? 0 : failures + 1;
      this.onChange();
      if (failures > 0 && !this.isStopped) await this.#pause(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
    }
    this.#busy.delete(roomId);
  }

  /** @param {string} roomId */
  #next(roomId) {
    return this.isStopped ? undefined : this.#outbox.next(roomId);
  }

  /**
   * Returns whether the message is settled.
   *
   * @param {OutgoingMessage} outgoing
   */
  async #send(outgoing) {
    const { key, roomId, content, replyTo, files } = outgoing;
    try {
      const sent = { content, reply_to: replyTo, attachments: files?.map(({ id }) => id) };
      const { body, position, log } = await this.#api.record(`/api/rooms/${roomId}/messages/`, sent, { key });
      this.#outbox.remove(outgoing);
      this.#onSent({ type: "message_added", version: body.id, position, log, body });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return this.#failed(outgoing, error);
    }
  }

  /**
   * @param {OutgoingMessage} outgoing
   * @param {ApiError} error
   */
  #failed(outgoing, error) {
    if (error.isFinal) {
      this.#outbox.refuse(outgoing, error.message);
      return true;
    }
    this.#outbox.wait(outgoing, error.message);
    if (error.isUnauthorized || error.isOtherUser) {
      this.stop();
      this.#onStop(error);
    }
    return false;
  }

  /** @param {number} ms */
  async #pause(ms) {
    let end = () => {};
    await new Promise((resolve) => {
      end = () => resolve(undefined);
      this.#pauses.add(end);
      setTimeout(end, ms);
    });
    this.#pauses.delete(end);
  }
}
