import { ApiError } from "../../onrecord/api.js";
import { newKey } from "../../onrecord/keys.js";

/**
 * @import { Message } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
 * @import { LivePage } from "../live-page.js"
 */

/** What the user does about messages. The answer is shown at once; a refusal is told in words. */
export class MessageActions {
  #problem;
  #page;
  #room;

  /**
   * @param {HTMLElement} problem where it is told
   * @param {{ page: LivePage, room: Room }} parts
   */
  constructor(problem, { page, room }) {
    this.#problem = problem;
    this.#page = page;
    this.#room = room;
  }

  /**
   * Resolves to whether it is recorded.
   *
   * @param {Message} message
   * @param {string} content
   */
  edit(message, content) {
    return this.#do("message_edited", "PATCH", `${message.id}/`, { content });
  }

  /**
   * Add a reaction, or take it back.
   *
   * @param {Message} message
   * @param {string} emoji
   */
  react(message, emoji) {
    const given = message.reactions?.find((reaction) => reaction.emoji === emoji);
    const isOwn = given?.users.some(({ id }) => id === this.#room.me) === true;
    const path = `${message.id}/reactions/${encodeURIComponent(emoji)}/`;
    return this.#do(isOwn ? "reaction_removed" : "reaction_added", isOwn ? "DELETE" : "PUT", path);
  }

  /** Pin a message, or take it down. @param {Message} message */
  pin(message) {
    const isPinned = message.pinned !== undefined;
    const type = isPinned ? "message_unpinned" : "message_pinned";
    return this.#do(type, isPinned ? "DELETE" : "PUT", `${message.id}/pin/`);
  }

  /**
   * @param {string} type of the event that it records
   * @param {string} method
   * @param {string} path
   * @param {object} body
   */
  async #do(type, method, path, body = {}) {
    this.#tell("");
    const url = `/api/rooms/${this.#room.id}/messages/${path}`;
    try {
      const answer = await this.#page.api.change(method, url, body, { key: newKey() });
      const { position, log } = answer;
      this.#page.client.receive({ type, version: answer.body.room.version, body: answer.body, position, log });
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#tell(error.message);
      return false;
    }
  }

  /** @param {string} text */
  #tell(text) {
    this.#problem.textContent = text;
    this.#problem.hidden = text === "";
  }
}
