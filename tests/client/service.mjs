/**
 * @import { LastMessage, Message, Publication, Reading, Room, RoomMember } from "../../static/onrecord/shapes.js"
 * @import { StreamEvent, User } from "../../static/onrecord/shapes.js"
 */

/** Rooms on a page of the API, and on a fresh page. */
const LISTED = 100;

/**
 * @typedef {object} Entry An event in the log.
 * @property {string} type
 * @property {string} roomId
 * @property {number} user
 * @property {string} content
 * @property {number} version
 * @property {number} position
 * @property {string} at
 */

/**
 * The service as the client library sees it, for one listener: a log of rooms, read with the paths and shapes of the
 * HTTP contract, and published in log order to the listener's channel. Answers are folded from the start of the log
 * each time, in the plainest way: this is the model that the library is checked against.
 */
export class Service {
  /** @param {{ me: User, people: Record<number, User>, refusal: (status: number) => Error }} parts */
  constructor({ me, people, refusal }) {
    this.me = me;
    this.people = people;
    this.refusal = refusal;
    /** @type {Entry[]} */
    this.log = [];
    /** @type {Map<string, number>} */
    this.marks = new Map();
    /** To the listener's channel. @type {{ offset: number, data: Publication }[]} */
    this.published = [];
    this.isPaused = false;
  }

  /**
   * @param {string} type
   * @param {string} roomId
   * @param {number} user
   * @param {string} content
   */
  record(type, roomId, user, content = "") {
    const position = this.log.length * 2 + 1; // gaps, as in a real log
    const version = this.#fold(roomId, Infinity).version + 1;
    const at = `2026-01-01T00:00:00.${String(position).padStart(6, "0")}Z`;
    const entry = { type, roomId, user, content, version, position, at };
    this.log.push(entry);
    const event = this.#event(entry);
    if (this.#concerns(event) && !this.isPaused) this.#publish(event);
  }

  /**
   * Many join or leave at once. Each who moved is told so; who is a member afterwards gets one publication for all.
   *
   * @param {string} roomId
   * @param {[type: "user_joined" | "user_left", user: number][]} moves
   */
  crowd(roomId, moves) {
    const from = this.#fold(roomId, Infinity).version + 1;
    const wasPaused = this.isPaused;
    for (const [type, user] of moves) {
      this.isPaused = wasPaused || user !== this.me.id;
      this.record(type, roomId, user);
    }
    this.isPaused = wasPaused;
    if (!this.isMember(roomId, this.me.id) || this.isPaused) return;
    const room = this.room(roomId);
    const { version } = room;
    const newest = moves.filter(([, user], at) => !moves.slice(at + 1).some(([, later]) => later === user));
    const [joined, left] = ["user_joined", "user_left"].map((side) =>
      newest.filter(([type]) => type === side).map(([, user]) => this.people[user]).slice(-20),
    );
    const body = { from, version, count: moves.length, joined, left, room };
    this.#publish({ type: "members_changed", version, position: this.position, body });
  }

  /** Publications cease, as for a listener who was away for long; one says so. */
  pause() {
    this.isPaused = true;
    this.#publish({ type: "feed_paused", position: this.position });
  }

  /**
   * @param {string} roomId
   * @param {number} version
   */
  read(roomId, version) {
    this.marks.set(roomId, Math.max(version, this.marks.get(roomId) ?? 0));
    this.#publish({ type: "room_read", body: this.reading(roomId) });
  }

  /** All rooms are read, as of now. */
  readAll() {
    for (const { room_id, counted } of this.readings()) this.read(room_id, counted);
  }

  get position() {
    return this.log.at(-1)?.position ?? 0;
  }

  /**
   * @param {string} roomId
   * @param {number} user
   * @param {number} version
   */
  isMember(roomId, user, version = Infinity) {
    return this.#fold(roomId, version).members.includes(user);
  }

  /** Of all rooms of the user. */
  readings() {
    const ids = [...new Set(this.log.map((event) => event.roomId))].filter((id) => this.isMember(id, this.me.id));
    return ids.map((id) => this.reading(id));
  }

  /**
   * What a fresh page would show.
   *
   * @param {string | null} openId
   * @param {number} listed how many rooms it lists at most
   */
  fresh(openId = null, listed = LISTED) {
    const ids = [...new Set(this.log.map((event) => event.roomId))].filter((id) => this.isMember(id, this.me.id));
    const rooms = ids.map((id) => this.room(id));
    rooms.sort((a, b) => (a.bumped_at === b.bumped_at ? (a.id < b.id ? -1 : 1) : a.bumped_at > b.bumped_at ? -1 : 1));
    const shownRooms = rooms.slice(0, listed);
    const shown = new Set([...shownRooms.map(({ id }) => id), ...(openId === null ? [] : [openId])]);
    const readings = ids.filter((id) => shown.has(id)).map((id) => this.reading(id));
    const open = openId === null ? null : this.open(openId);
    return { user: this.me, position: this.position, rooms: shownRooms, listed, readings, open };
  }

  /** @param {string} id */
  open(id) {
    const messages = this.log
      .filter((event) => event.roomId === id && event.type === "message_added")
      .map((entry) => this.message(id, entry.version));
    const { members, joined } = this.#fold(id, Infinity);
    /** @type {RoomMember[]} */
    const listed = members.map((user, place) => {
      return { ...this.people[user], role: place === 0 ? "owner" : "member", joined: joined[user] };
    });
    const { role = "member" } = listed.find((member) => member.id === this.me.id) ?? {};
    const pinned = messages.filter((message) => message.pinned !== undefined);
    pinned.sort((a, b) => ((a.pinned?.at ?? "") > (b.pinned?.at ?? "") ? -1 : 1));
    return { room: this.room(id), messages, members: listed, pinned, own: { role } };
  }

  /**
   * A message as it was right after a version; an erasure and a retraction count whenever they came.
   *
   * @param {string} roomId
   * @param {number} id
   * @param {number} to
   * @returns {Message}
   */
  message(roomId, id, to = Infinity) {
    const stream = this.log.filter((event) => event.roomId === roomId);
    const added = stream.find(({ version }) => version === id);
    if (added === undefined) throw new Error(`no version ${id}`);
    const about = stream.filter((event) => IS_ABOUT_A_MESSAGE.has(event.type) && aboutOf(event).message === id);
    const retraction = about.find(({ type }) => type === "message_retracted");
    const past = about.filter(({ version }) => version <= to);
    const edit = past.findLast(({ type }) => type === "message_edited");
    const words = this.#words(roomId, (edit ?? added).version, edit ? aboutOf(edit).content : added.content);
    const user = this.people[added.user];
    const room = { id: roomId, version: id, bumped_at: added.at };
    /** @type {Message} */
    const message = { id, user, room, created_at: added.at, ...words };
    if (edit !== undefined) message.edited_at = edit.at;
    if (retraction !== undefined)
      return { ...message, content: "", retracted: { at: retraction.at, by: this.people[retraction.user], why: "" } };
    const reactions = this.#reactions(past);
    if (reactions.length > 0) message.reactions = reactions;
    const pin = past.findLast(({ type }) => type === "message_pinned" || type === "message_unpinned");
    if (pin?.type === "message_pinned") message.pinned = { at: pin.at, by: this.people[pin.user] };
    return message;
  }

  /**
   * In the order in which the first of each emoji that is still there came.
   *
   * @param {Entry[]} about
   */
  #reactions(about) {
    /** @type {Entry[]} */
    let there = [];
    for (const event of about) {
      if (event.type === "reaction_added") there.push(event);
      if (event.type !== "reaction_removed") continue;
      const { emoji } = aboutOf(event);
      there = there.filter((other) => other.user !== event.user || aboutOf(other).emoji !== emoji);
    }
    return [...new Set(there.map((event) => aboutOf(event).emoji))].map((emoji) => {
      const users = there.filter((event) => aboutOf(event).emoji === emoji).map(({ user }) => this.people[user]);
      return { emoji, count: users.length, users: users.slice(0, 20) };
    });
  }

  /**
   * @param {string} id
   * @param {number} version
   * @returns {Room}
   */
  room(id, version = Infinity) {
    const { version: at, members, name, bumped_at, last_message } = this.#fold(id, version);
    return { id, name, version: at, bumped_at, member_count: members.length, last_message };
  }

  /**
   * @param {string} id
   * @returns {Reading}
   */
  reading(id) {
    const stream = this.log.filter((event) => event.roomId === id);
    const joined = stream.findLast((event) => event.type === "user_joined" && event.user === this.me.id)?.version ?? 0;
    const version = Math.max(joined, this.marks.get(id) ?? 0);
    const unread = stream.filter(
      (event) => event.type === "message_added" && event.version > version && event.user !== this.me.id,
    );
    const counts = { unread: unread.length, counted: stream.length, mentions: 0 };
    return { room_id: id, version, ...counts, is_muted: false, mute_changes: 0 };
  }

  /**
   * GET, as Api.get answers.
   *
   * @param {string} path
   * @returns {Promise<any>}
   */
  async get(path) {
    const { pathname, searchParams } = new URL(path, "http://service");
    const after = Number(searchParams.get("after"));
    const limit = Number(searchParams.get("limit"));
    if (pathname === "/api/token/subscription/") {
      this.isPaused = false;
      return { token: "a token" };
    }
    if (pathname === "/api/delivery/") return { is_late: this.isPaused };
    if (pathname === "/api/readings/") return { readings: this.readings() };
    if (pathname === "/api/rooms/") return { results: this.fresh().rooms };
    if (pathname === "/api/feed/") {
      const all = this.log.map((entry) => this.#event(entry)).filter((event) => this.#concerns(event));
      const events = all.filter((event) => event.position > after).slice(0, limit);
      return { events, position: events.length < limit ? this.position : events[limit - 1].position };
    }
    const [, id, rest] = /^\/api\/rooms\/([^/]+)\/(.*)$/.exec(pathname) ?? ["", "", ""];
    if (!this.isMember(id, this.me.id)) throw this.refusal(404);
    if (rest === "") return this.room(id);
    const events = this.log.filter((event) => event.roomId === id).map((entry) => this.#event(entry));
    return { events: events.filter((event) => event.version > after).slice(0, limit), version: events.length };
  }

  /**
   * Whether the listener was there: members at that version, and the user who left by it.
   *
   * @param {StreamEvent} event
   */
  #concerns({ type, version, body }) {
    if (type === "room_opened") return false;
    return this.isMember(body.room.id, this.me.id, version) || (type === "user_left" && body.user.id === this.me.id);
  }

  /** @param {Publication} data */
  #publish(data) {
    this.published.push({ offset: this.published.length + 1, data });
  }

  /**
   * @param {Entry} entry
   * @returns {StreamEvent}
   */
  #event({ type, roomId, user: id, content, version, position, at }) {
    const user = this.people[id];
    const bodies = {
      message_added: () => this.message(roomId, version, version),
      content_erased: () => ({ room: this.room(roomId, version), user, ...erasureOf({ content, at }) }),
    };
    if (IS_ABOUT_A_MESSAGE.has(type)) {
      const message = this.message(roomId, aboutOf({ content }).message, version);
      const room = { id: roomId, version };
      const isReaction = type.startsWith("reaction_");
      const body = isReaction
        ? { room, user, message_id: message.id, emoji: aboutOf({ content }).emoji, reactions: message.reactions ?? [] }
        : { room, user, message };
      return { type, version, position, body, occurred_at: at };
    }
    const member = () => ({ room: this.room(roomId, version), user });
    const body = Object.hasOwn(bodies, type) ? bodies[/** @type {keyof typeof bodies} */ (type)]() : member();
    return { type, version, position, body, occurred_at: at };
  }

  /**
   * The words of a message as they are now, whenever it is read.
   *
   * @param {string} roomId
   * @param {number} version
   * @param {string} content
   */
  #words(roomId, version, content) {
    const erasures = this.log.filter((event) => event.roomId === roomId && event.type === "content_erased");
    const erasure = erasures.map(erasureOf).find(({ versions }) => versions.includes(version));
    return erasure === undefined ? { content } : { content: "", erased: erasure.erased };
  }

  /**
   * @param {string} roomId
   * @param {number} to
   */
  #fold(roomId, to) {
    const room = {
      version: 0,
      members: /** @type {number[]} */ ([]),
      joined: /** @type {Record<number, number>} */ ({}),
      name: `Room ${roomId}`,
      bumped_at: "",
      last_message: /** @type {LastMessage | null} */ (null),
    };
    let last = 0;
    for (const event of this.log) {
      if (event.roomId !== roomId || event.version > to) continue;
      room.version = event.version;
      if (event.type === "room_opened") room.bumped_at = event.at;
      if (event.type === "room_renamed") room.name = event.content;
      if (event.type === "user_joined") {
        room.members.push(event.user);
        room.joined[event.user] = event.version;
      }
      if (event.type === "user_left") room.members = room.members.filter((member) => member !== event.user);
      if (event.type !== "message_added") continue;
      room.bumped_at = event.at;
      last = event.version;
    }
    if (last > 0) {
      const { id, content, user, created_at, erased, retracted } = this.message(roomId, last, to);
      const hidden = { ...(erased && { erased }), ...(retracted && { retracted }) };
      room.last_message = { id, content, user, created_at, ...hidden };
    }
    return room;
  }
}

const IS_ABOUT_A_MESSAGE = new Set([
  ...["message_edited", "message_retracted", "message_pinned", "message_unpinned"],
  ...["reaction_added", "reaction_removed"],
]);

/**
 * Of what was done about a message, `content` is JSON: which message, and what it says now, or the emoji.
 *
 * @param {{ content: string }} entry
 * @returns {{ message: number, content: string, emoji: string }}
 */
function aboutOf({ content }) {
  return JSON.parse(content);
}

/**
 * Of an erasure, `content` is the versions whose words it erased.
 *
 * @param {{ content: string, at: string }} entry
 */
function erasureOf({ content, at }) {
  return { versions: content.split(",").map(Number), erased: { at, why: "asked for" } };
}
