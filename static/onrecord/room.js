import { isRange, kindOf, RANGES } from "./events.js";

/**
 * @import { AccountErasure, Erased, Erasure, JoinOrLeave, LastMessage, Member, MemberChange } from "./shapes.js"
 * @import { MembersChanged, Message, MessageChange, OwnStanding, Reaction, ReactionChange, Role } from "./shapes.js"
 * @import { Room as ShownRoom } from "./shapes.js"
 * @import { RoomChange, RoomEvent, RoomMember, User } from "./shapes.js"
 */

/** Members that a page lists at first. */
const FIRST_PAGE = 100;

/** Of those who left, a range names no more. */
const MOST_NAMED = 20;

/** Joins and leaves that are kept of an open room. */
const MOST_STEPS = 400;

/**
 * One room as of its version `version`: what a fresh page would show, kept up to date by events.
 *
 * Pure: no network, no DOM. Events may arrive in any order, twice, or with gaps; each is applied once, in order. One
 * that arrives early waits; `isBehind` says that an event before it is missing.
 */
export class Room {
  /** @type {Map<number, RoomChange>} */
  #waiting = new Map();
  /** By version: a page of older messages may have been read before their erasure. @type {Map<number, Erased>} */
  #erased = new Map();
  /** Likewise, what happened to messages that are not loaded. @type {Map<number, Partial<Message>>} */
  #changed = new Map();
  /**
   * Messages that loaded ones answer and that are not loaded; null for one that was asked for and cannot be read.
   *
   * @type {Map<number, Message | null>}
   */
  #answered = new Map();
  /** Likewise, users whose accounts were erased, as they are shown now. @type {User[]} */
  #erasedUsers = [];
  /** The room is known to have reached this version. */
  #upTo;

  /**
   * @param {ShownRoom} shown the room as the API shows it
   * @param {object} options
   * @param {number} options.me the user's id
   * @param {Message[] | null} [options.messages] ascending; only for a room that is open
   * @param {RoomMember[] | null} [options.members] likewise; the first page, if there are many
   * @param {Message[] | null} [options.pinned] likewise; the last pinned first
   * @param {OwnStanding} [options.own] likewise: what the user may do
   * @param {JoinOrLeave[]} [options.joins_and_leaves] likewise; ascending
   * @param {Record<string, number>} [options.positions] likewise: where in the log messages are, by their ids
   * @param {Message[]} [options.answered] likewise: those that messages answer and that are not among them
   * @param {number} [options.upTo] a version that the room is known to have reached
   */
  constructor(shown, options) {
    const { me, messages = null, members = null, pinned = null, own = { role: "member" }, upTo = 0 } = options;
    const { joins_and_leaves = [], positions = {}, answered = [] } = options;
    for (const message of answered) this.#answered.set(message.id, message);
    this.#upTo = upTo;
    this.shown = shown;
    this.me = me;
    this.messages = messages;
    this.members = members;
    this.pinned = pinned;
    this.hasAllMembers = members !== null && members.length === shown.member_count;
    this.own = own;
    this.joinsAndLeaves = joins_and_leaves;
    this.positions = new Map(Object.entries(positions).map(([id, position]) => [Number(id), position]));
    this.isLeft = false;
    /** By whom the user was removed, and why. @type {Member | null} */
    this.removal = null;
  }

  get id() {
    return this.shown.id;
  }

  get version() {
    return this.shown.version;
  }

  get isBehind() {
    return this.knownUpTo > this.version;
  }

  /** The newest version that the room is known to have reached. */
  get knownUpTo() {
    return Math.max(this.version, this.#upTo, ...this.#waiting.keys());
  }

  /** Events that arrived early. */
  get waiting() {
    return [...this.#waiting.values()];
  }

  /**
   * Receive an event of this room, or a range; returns what was applied, in order.
   *
   * @param {RoomChange} event
   */
  receive(event) {
    if (event.version > this.version && !(isRange(event) && this.#waiting.has(event.version)))
      this.#waiting.set(event.version, event);
    const applied = [];
    for (let next = this.#first(event); next !== undefined; next = this.#next()) {
      if (isRange(next)) RANGES[next.type].apply(this, next);
      else kindOf(next).apply(this, next);
      if (!isRange(next) && kindOf(next).isMessage && this.messages !== null) this.#keepPosition(next);
      applied.push(next);
    }
    for (const version of this.#waiting.keys()) if (version <= this.version) this.#waiting.delete(version);
    return applied;
  }

  /** @param {RoomEvent & { position?: number }} event */
  #keepPosition({ version, position }) {
    if (position !== undefined) this.positions.set(version, position);
  }

  /**
   * @param {number} version
   * @param {JoinOrLeave["step"]} step
   * @param {User[]} users
   */
  #addSteps(version, step, users) {
    if (this.messages === null) return;
    const steps = users.map((user) => ({ version, user, step }));
    this.joinsAndLeaves = [...this.joinsAndLeaves, ...steps].slice(-MOST_STEPS);
  }

  /**
   * Whether something else is known to be at the version of `message`. A log gives a version to one event only.
   *
   * @param {LastMessage} message
   */
  hasAnotherThan({ id, created_at }) {
    if (id > this.version) return false;
    const { last_message } = this.shown;
    const newest = this.messages ?? (last_message === null ? [] : [last_message]);
    if (newest.length > 0 && id < newest[0].id) return false; // older than what is loaded
    return newest.find((message) => message.id === id)?.created_at !== created_at;
  }

  /**
   * The user was not a member at version `upTo` and will not receive the events before it.
   *
   * @param {number} upTo
   */
  forget(upTo) {
    if (this.version >= upTo) return; // joined again meanwhile
    if (this.#upTo <= upTo) this.#upTo = 0;
    for (const version of this.#waiting.keys()) if (version <= upTo) this.#waiting.delete(version);
    this.isLeft = true;
  }

  /**
   * Add a page of older messages to an open room.
   *
   * @param {Message[]} messages newest first, as the API returns them
   */
  addOlder(messages) {
    if (this.messages === null) return; // closed meanwhile
    const oldest = this.messages[0]?.id ?? Infinity;
    const older = messages.filter((message) => message.id < oldest).reverse();
    this.messages = [...older.map((message) => this.#upToDate(message)), ...this.messages];
  }

  /**
   * The message that another one answers; undefined where it is not known.
   *
   * @param {Message} message
   */
  answeredBy({ reply_to }) {
    if (reply_to === undefined) return undefined;
    return this.messages?.find(({ id }) => id === reply_to) ?? this.#answered.get(reply_to) ?? undefined;
  }

  /** Messages to ask for, by their ids: loaded ones answer them. The newest first, each once. */
  takeUnknownAnswered() {
    const ids = new Set((this.messages ?? []).map(({ id }) => id));
    const answered = new Set((this.messages ?? []).flatMap(({ reply_to }) => reply_to ?? []));
    const unknown = [...answered].filter((id) => !ids.has(id) && !this.#answered.has(id));
    for (const id of unknown) this.#answered.set(id, null);
    return unknown.reverse();
  }

  /** @param {Message} message which may be older than the room */
  addAnswered(message) {
    if (this.messages !== null) this.#answered.set(message.id, this.#upToDate(message));
  }

  /** @param {(message: Message) => Message} change */
  #changeAnswered(change) {
    for (const [id, message] of this.#answered) if (message !== null) this.#answered.set(id, change(message));
  }

  /** Keep no messages and members any more. */
  close() {
    this.#answered.clear();
    this.messages = null;
    this.members = null;
    this.pinned = null;
    this.joinsAndLeaves = [];
    this.positions.clear();
    this.hasAllMembers = false;
    this.#changed.clear();
  }

  /**
   * Move past an event that changes nothing a page shows.
   *
   * @param {{ version: number }} event
   */
  skip({ version }) {
    this.shown = { ...this.shown, version };
  }

  /**
   * Show the room as an event tells it. The last message stays where the event does not tell it: not everyone who gets
   * the event may read it.
   *
   * @param {ShownRoom} room
   */
  update(room) {
    this.shown = { ...room, last_message: room.last_message ?? this.shown.last_message };
  }

  /** @param {RoomEvent<Message>} event */
  addMessage({ version, body }) {
    this.shown = { ...this.shown, version, bumped_at: body.room.bumped_at, last_message: asLast(body) };
    this.messages?.push(body);
  }

  /** @param {RoomEvent<MessageChange>} event */
  changeMessage({ version, body: { message } }) {
    if (message === null) return this.skip({ version }); // it was said before the user joined
    const { last_message } = this.shown;
    const isLast = last_message?.id === message.id;
    this.shown = { ...this.shown, version, last_message: isLast ? asLast(message) : last_message };
    this.#replace(message.id, () => message);
    if (this.#answered.get(message.id)) this.#answered.set(message.id, message);
    if (this.messages !== null) this.#changed.set(message.id, message);
    if (this.pinned !== null) this.pinned = pinnedAfter(this.pinned, message);
  }

  /** @param {RoomEvent<ReactionChange>} event */
  changeReactions({ version, body: { message_id, reactions } }) {
    this.shown = { ...this.shown, version };
    const change = (/** @type {Message} */ message) => withReactions(message, reactions);
    this.#replace(message_id, change);
    if (this.messages !== null) this.#changed.set(message_id, { ...this.#changed.get(message_id), reactions });
    this.pinned = this.pinned?.map((message) => (message.id === message_id ? change(message) : message)) ?? null;
  }

  /**
   * @param {number} id
   * @param {(message: Message) => Message} change
   */
  #replace(id, change) {
    if (this.messages === null) return;
    const at = this.messages.findLastIndex((message) => message.id === id);
    if (at >= 0) this.messages = this.messages.with(at, change(this.messages[at]));
  }

  /** @param {RoomEvent<Member>} event */
  addMember({ version, body: { room, user } }) {
    if (user.id === this.me) this.shown = room;
    else this.update(room);
    this.#addSteps(version, "joined", [user]);
    /** @type {Role} */
    const role = room.member_count === 1 && room.visibility !== "direct" ? "owner" : "member";
    if (this.members !== null && this.hasAllMembers) {
      if (this.members.length < FIRST_PAGE) this.members = [...this.members, { ...user, role, joined: version }];
      else this.hasAllMembers = false;
    }
    if (user.id !== this.me) return;
    this.isLeft = false;
    this.removal = null;
    this.own = { ...this.own, role };
  }

  /** @param {RoomEvent<Member>} event */
  removeMember({ version, body }) {
    const { room, user } = body;
    this.update(room);
    this.#addSteps(version, body.removed_by === undefined ? "left" : "removed", [user]);
    if (this.members !== null) this.members = this.members.filter((member) => member.id !== user.id);
    if (this.hasAllMembers) this.#nameOwner();
    if (user.id !== this.me) return;
    this.isLeft = true;
    this.removal = body.removed_by === undefined ? null : body;
  }

  /** @param {RoomEvent<MemberChange>} event */
  giveRole({ body: { room, member, role = "member" } }) {
    this.update(room);
    this.#setRole(member.id, role);
  }

  /** @param {RoomEvent<MemberChange>} event */
  mute({ version, body: { room, member, until = "", why } }) {
    this.update(room);
    if (member.id === this.me) this.own = { ...this.own, muted: { version, until, why } };
  }

  /** @param {RoomEvent<MemberChange>} event */
  liftMute({ body: { room, member } }) {
    this.update(room);
    if (member.id === this.me) this.own = { role: this.own.role };
  }

  /** While no member is an owner by name, the one who has been in the room longest is; nobody owns a direct one. */
  #nameOwner() {
    if (this.shown.visibility === "direct") return;
    const [first] = this.members ?? [];
    if (first !== undefined && !this.members?.some(({ role }) => role === "owner")) this.#setRole(first.id, "owner");
  }

  /**
   * @param {number} id
   * @param {Role} role
   */
  #setRole(id, role) {
    if (this.members !== null)
      this.members = this.members.map((member) => (member.id === id ? { ...member, role } : member));
    if (id === this.me) this.own = { ...this.own, role };
  }

  /** The first erasure of a message counts. @param {RoomEvent<Erasure>} event */
  eraseContent({ body: { room, versions, erased } }) {
    const last = this.shown.last_message;
    if (last !== null && last.erased === undefined && versions.includes(last.id))
      this.shown = { ...this.shown, last_message: { ...last, content: "", erased } };
    this.update(room);
    for (const version of versions) if (!this.#erased.has(version)) this.#erased.set(version, erased);
    const { role, muted } = this.own;
    if (muted !== undefined && versions.includes(muted.version)) this.own = { role, muted: { ...muted, why: "" } };
    if (this.messages !== null) this.messages = this.messages.map((message) => this.#withoutErased(message));
    if (this.pinned !== null) this.pinned = this.pinned.map((message) => this.#withoutErased(message));
    this.#changeAnswered((message) => this.#withoutErased(message));
  }

  /**
   * Whatever the room shows of a user whose account was erased is shown without the name.
   *
   * @param {RoomEvent<AccountErasure>} event
   */
  eraseUser({ body: { room, erased_user: user } }) {
    this.update(room);
    this.shown = withUser(this.shown, user);
    this.#erasedUsers.push(user);
    this.messages = withUser(this.messages, user);
    this.members = withUser(this.members, user);
    this.pinned = withUser(this.pinned, user);
    this.#changeAnswered((message) => withUser(message, user));
    this.removal = withUser(this.removal, user);
    this.joinsAndLeaves = withUser(this.joinsAndLeaves, user);
  }

  /**
   * A message of a page that may be older than the room.
   *
   * @param {Message} message
   */
  #upToDate(message) {
    const changed = this.#changed.get(message.id);
    const newest = changed === undefined ? message : { ...message, ...changed };
    const isChanged = changed !== undefined;
    const upToDate = this.#withoutErased(isChanged ? withReactions(newest, newest.reactions ?? []) : newest);
    return this.#erasedUsers.reduce((shown, user) => withUser(shown, user), upToDate);
  }

  /**
   * @param {Message} message
   * @returns {Message}
   */
  #withoutErased(message) {
    const erased = message.erased === undefined ? this.#erased.get(message.id) : undefined;
    if (erased === undefined) return message;
    const bare = { ...message, content: "", erased };
    delete bare.attachments; // their names are words as well
    return bare;
  }

  /**
   * Apply all events of a range, or those of them that are new.
   *
   * @param {{ version: number, body: MembersChanged }} range
   */
  changeMembers({ version, body: { room, joined, left } }) {
    this.update(room);
    this.#addSteps(version, "joined", joined);
    this.#addSteps(version, "left", left);
    const gone = new Set(left.map((user) => user.id));
    if (this.members !== null) this.members = this.members.filter((member) => !gone.has(member.id));
  }

  /**
   * What to apply first. The user's own join or leave carries the whole room, so unless the messages must be complete,
   * earlier events do not matter.
   *
   * @param {RoomChange} event
   */
  #first(event) {
    const isNew = event.version > this.version && this.messages === null;
    if (isNew && this.#isOwn(event) && !isRange(event) && kindOf(event).membership !== undefined) return event;
    return this.#next();
  }

  /** The next event, or a range that contains it. */
  #next() {
    const next = this.#waiting.get(this.version + 1);
    return next !== undefined && !isRange(next) ? next : this.#applicableRange();
  }

  #applicableRange() {
    if (!this.#canApplyRanges) return undefined;
    const changes = [...this.#waiting.values()].filter((change) => change.version > this.version);
    const own = changes.filter((change) => this.#isOwn(change));
    const ownVersion = Math.min(Infinity, ...own.map(({ version }) => version));
    return changes.filter(isRange).find((range) => {
      const isComplete = this.members === null || range.body.left.length < MOST_NAMED;
      return range.body.from <= this.version + 1 && range.version < ownVersion && isComplete;
    });
  }

  /**
   * Whether ranges are applied as they are. Where all members are shown, their names are needed; after leaving, the
   * user's own join. Then the events are fetched one by one.
   */
  get #canApplyRanges() {
    return !this.isLeft && !this.hasAllMembers;
  }

  /** @param {RoomChange} change */
  #isOwn(change) {
    return !isRange(change) && change.body.user.id === this.me;
  }
}

/**
 * The same value with `user` in place of the one with that id, wherever it is; the value itself where it is nowhere.
 *
 * @template T
 * @param {T} value of JSON
 * @param {User} user
 * @returns {T}
 */
function withUser(value, user) {
  if (typeof value !== "object" || value === null) return value;
  if ("username" in value && "id" in value && value.id === user.id) {
    return { ...value, ...user };
  }
  const parts = Object.entries(value).map(([name, part]) => [name, withUser(part, user)]);
  if (parts.every(([name, part]) => /** @type {any} */ (value)[name] === part)) return value;
  return /** @type {T} */ (Array.isArray(value) ? parts.map(([, part]) => part) : Object.fromEntries(parts));
}

/**
 * A message as room lists show it.
 *
 * @param {LastMessage} message
 * @returns {LastMessage}
 */
function asLast({ id, content, user, created_at, erased, retracted }) {
  return { id, content, user, created_at, ...(erased && { erased }), ...(retracted && { retracted }) };
}

/**
 * A message without reactions has no such field.
 *
 * @param {Message} message
 * @param {Reaction[]} reactions
 * @returns {Message}
 */
function withReactions(message, reactions) {
  /** @type {Message} */
  const changed = { ...message, reactions };
  if (reactions.length === 0) delete changed.reactions;
  return changed;
}

/**
 * The pinned messages after one of a room changed.
 *
 * @param {Message[]} pinned the last pinned first
 * @param {Message} message
 */
function pinnedAfter(pinned, message) {
  const isIn = pinned.some(({ id }) => id === message.id);
  if (message.pinned === undefined) return isIn ? pinned.filter(({ id }) => id !== message.id) : pinned;
  return isIn ? pinned.map((other) => (other.id === message.id ? message : other)) : [message, ...pinned];
}
