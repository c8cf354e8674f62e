import { kindOf } from "./events.js";

/** @import { Member, Message, Room as ShownRoom, RoomEvent, User } from "./shapes.js" */

/**
 * One room as of its version `version`: what a fresh page would show, kept up to date by events.
 *
 * Pure: no network, no DOM. Events may arrive in any order, twice, or with gaps; each is applied once, in order. One
 * that arrives early waits; `isBehind` says that an event before it is missing.
 */
export class Room {
  /** @type {Map<number, RoomEvent>} */
  #waiting = new Map();

  /**
   * @param {ShownRoom} shown the room as the API shows it
   * @param {object} options
   * @param {number} options.me the user's id
   * @param {Message[] | null} [options.messages] ascending; only for a room that is open
   * @param {User[] | null} [options.members] likewise; the first page, if there are many
   */
  constructor(shown, { me, messages = null, members = null }) {
    this.shown = shown;
    this.me = me;
    this.messages = messages;
    this.members = members;
    this.hasAllMembers = members !== null && members.length === shown.member_count;
    this.isLeft = false;
  }

  get id() {
    return this.shown.id;
  }

  get version() {
    return this.shown.version;
  }

  get isBehind() {
    return this.#waiting.size > 0;
  }

  /** The newest version that waits. */
  get waitsFor() {
    return Math.max(0, ...this.#waiting.keys());
  }

  /**
   * Receive an event of this room; returns the events that were applied, in order.
   *
   * @param {RoomEvent} event
   */
  receive(event) {
    if (event.version > this.version) this.#waiting.set(event.version, event);
    const applied = [];
    for (let next = this.#next(event); next !== undefined; next = this.#waiting.get(this.version + 1)) {
      kindOf(next).apply(this, next);
      applied.push(next);
    }
    for (const version of this.#waiting.keys()) if (version <= this.version) this.#waiting.delete(version);
    return applied;
  }

  /**
   * The user was not a member at version `upTo` and will not receive the events before it.
   *
   * @param {number} upTo
   */
  forget(upTo) {
    if (this.version >= upTo) return; // joined again meanwhile
    for (const version of this.#waiting.keys()) if (version <= upTo) this.#waiting.delete(version);
    this.isLeft = true;
  }

  /**
   * Add a page of older messages to an open room.
   *
   * @param {Message[]} messages newest first, as the API returns them
   */
  addOlder(messages) {
    const loaded = this.messages ?? [];
    const oldest = loaded[0]?.id ?? Infinity;
    this.messages = [...messages.filter((message) => message.id < oldest).reverse(), ...loaded];
  }

  /**
   * Move past an event that changes nothing a page shows.
   *
   * @param {RoomEvent} event
   */
  skip({ version }) {
    this.shown = { ...this.shown, version };
  }

  /** @param {RoomEvent<Message>} event */
  addMessage({ version, body: { id, content, user, created_at, room } }) {
    const last_message = { id, content, user, created_at };
    this.shown = { ...this.shown, version, bumped_at: room.bumped_at, last_message };
    this.messages?.push({ id, content, user, room, created_at });
  }

  /** @param {RoomEvent<Member>} event */
  addMember({ body: { room, user } }) {
    this.shown = room;
    if (this.members !== null && this.hasAllMembers) this.members = [...this.members, user];
    if (user.id === this.me) this.isLeft = false;
  }

  /** @param {RoomEvent<Member>} event */
  removeMember({ body: { room, user } }) {
    this.shown = room;
    if (this.members !== null) this.members = this.members.filter((member) => member.id !== user.id);
    if (user.id === this.me) this.isLeft = true;
  }

  /**
   * The event to apply first. The user's own join carries the whole room, so unless the messages must be complete,
   * earlier events do not matter.
   *
   * @param {RoomEvent} event
   */
  #next(event) {
    const isOwnJoin = kindOf(event).membership === "starts" && event.body.user.id === this.me;
    if (isOwnJoin && this.messages === null && event.version > this.version) return event;
    return this.#waiting.get(this.version + 1);
  }
}
