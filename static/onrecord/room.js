/**
 * One room as it is after its version `version`: what a fresh page would show, kept up by events.
 *
 * Pure: no network, no DOM. Events may come in any order, twice, or with gaps; each is applied once, in order. What comes
 * early waits; `isBehind` says that something before it is missing.
 */
export class Room {
  #waiting = new Map();

  /**
   * `shown`: a Room of the API. `messages` (ascending) and `members` only for a room that is open; `hasAllMembers` when
   * the list of members is complete and not just its first page.
   */
  constructor(shown, { me, messages = null, members = null } = {}) {
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

  /** Take an event of this room; answers the events that were applied, in order. */
  take(event) {
    if (event.version > this.version) this.#waiting.set(event.version, event);
    const applied = [];
    for (let next = this.#next(event); next !== undefined; next = this.#waiting.get(this.version + 1)) {
      this.#apply(next);
      applied.push(next);
    }
    for (const version of this.#waiting.keys()) if (version <= this.version) this.#waiting.delete(version);
    return applied;
  }

  /** The newest version that waits. */
  get waitsFor() {
    return Math.max(0, ...this.#waiting.keys());
  }

  /** Its owner was not in it at version `upTo`, and will not be told what happened before. */
  forget(upTo) {
    if (this.version >= upTo) return; // joined again meanwhile
    for (const version of this.#waiting.keys()) if (version <= upTo) this.#waiting.delete(version);
    this.isLeft = true;
  }

  /** Add a page of older messages (newest first, as the API answers them). */
  addOlder(messages) {
    const oldest = this.messages.length > 0 ? this.messages[0].id : Infinity;
    this.messages = [...messages.filter((message) => message.id < oldest).reverse(), ...this.messages];
  }

  /**
   * The event to apply first. Whoever joins (again) is told the whole room: unless messages have to be complete, nothing
   * of what happened before matters.
   */
  #next(event) {
    const isJoin = event.type === "user_joined" && event.body.user.id === this.me;
    if (isJoin && this.messages === null && event.version > this.version) return event;
    return this.#waiting.get(this.version + 1);
  }

  #apply({ type, version, body }) {
    if (type === "message_added") this.#addMessage(version, body);
    else if (type === "user_joined") this.#join(body);
    else if (type === "user_left") this.#leave(body);
    else this.shown = { ...this.shown, version }; // a kind of event that is newer than this code
  }

  #addMessage(version, { id, content, user, created_at, room }) {
    const last_message = { id, content, user, created_at };
    this.shown = { ...this.shown, version, bumped_at: room.bumped_at, last_message };
    this.messages?.push({ id, content, user, room, created_at });
  }

  #join({ room, user }) {
    this.shown = room;
    if (this.hasAllMembers) this.members = [...this.members, user];
    if (user.id === this.me) this.isLeft = false;
  }

  #leave({ room, user }) {
    this.shown = room;
    if (this.members !== null) this.members = this.members.filter((member) => member.id !== user.id);
    if (user.id === this.me) this.isLeft = true;
  }
}
