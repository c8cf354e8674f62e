import { isRange, kindOf } from "./events.js";
import { Places } from "./places.js";
import { Room } from "./room.js";
import { Unread } from "./unread.js";

/**
 * @import { Member, Message, PageState, Reading, Room as ShownRoom, RoomChange, RoomEvent, User } from "./shapes.js"
 */

/** So many rooms are listed, as the API lists them on a page. */
const LISTED = 100;

/** Mentioned in place of all members. */
const EVERYONE = 0;

/**
 * Latest bumped first, as the API lists rooms.
 *
 * @param {ShownRoom} one
 * @param {ShownRoom} other
 */
function byBump(one, other) {
  if (one.id === other.id) return 0;
  if (one.bumped_at !== other.bumped_at) return one.bumped_at > other.bumped_at ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}

/**
 * Where a list of rooms ends that may not be all of them; null where these are all.
 *
 * @param {ShownRoom[]} rooms
 * @param {number} listed how many there are at most
 */
const horizonOf = (rooms, listed) => (rooms.length < listed ? null : rooms[rooms.length - 1]);

/**
 * The rooms of one user, kept in step with the log: *what was loaded + events since == what a fresh load shows*.
 *
 * Pure: no network, no DOM. It receives events from publications, from a room's events and from the feed, in any
 * order and any number of times. It says what is missing (`behind`, `unknown`, `lacksRooms`), for its owner to fetch.
 *
 * `position` is the place in the log up to which nothing is missing. Its owner moves it, knowing where events are from.
 * `places` are where in the log all of it came from.
 */
export class Mirror {
  /** @type {Map<string, Room>} */
  #rooms = new Map();
  /** The last room of a full list: of those that come after it, only some are known. @type {ShownRoom | null} */
  #horizon = null;
  /** How many rooms the list has at most: at first, a page is sent with those that are in sight. */
  #listed;
  /** @type {Map<string, Unread>} */
  #unread = new Map();
  /** Events of rooms that were never loaded. @type {Map<string, RoomChange[]>} */
  #unloaded = new Map();
  /** Rooms that were never loaded because the user is not a member, as of a version. @type {Map<string, number>} */
  #absentUpTo = new Map();
  /** @type {Set<(event: RoomChange | null) => void>} */
  #listeners = new Set();

  /** @param {PageState} state */
  constructor({ user, position, log, rooms, listed = LISTED, readings = [], open = null, invitations = 0 }) {
    this.user = user;
    this.position = position;
    /** How many wait for the user's answer. */
    this.invitations = invitations;
    this.places = new Places();
    this.places.add({ position, log });
    for (const shown of rooms) this.#add(new Room(shown, { me: user.id }));
    this.#listed = listed;
    this.#horizon = horizonOf(rooms, listed);
    if (open !== null) this.#add(new Room(open.room, { ...open, me: user.id }));
    for (const reading of readings) this.#unread.set(reading.room_id, new Unread(reading));
  }

  /** The user's rooms as a page lists them: those that were bumped last, the latest first. */
  get rooms() {
    return this.#joined.sort(byBump).slice(0, this.#listed);
  }

  /**
   * Whether rooms are missing from the list, as the user left some of it or it is to be longer: the next ones were
   * never loaded.
   */
  get lacksRooms() {
    const horizon = this.#horizon;
    return horizon !== null && this.#joined.filter((room) => byBump(room, horizon) <= 0).length < this.#listed;
  }

  /** Whether something is unread in a room that is not loaded, and would be in a longer list. */
  get lacksUnread() {
    if (this.#listed >= LISTED || this.#horizon === null) return false;
    return [...this.#unread].some(([id, { count, isMuted }]) => count > 0 && !isMuted && !this.#rooms.has(id));
  }

  /** Whether the user may be in more rooms than are listed. */
  get hasMore() {
    return this.#horizon !== null;
  }

  /** List a hundred rooms from now on, to be loaded where there are more than those that the page came with. */
  listMore() {
    this.#listed = LISTED;
  }

  get #joined() {
    return [...this.#rooms.values()].filter((room) => !room.isLeft).map((room) => room.shown);
  }

  /**
   * A Room, or undefined. One that the user left (`isLeft`) is kept, to continue from after joining again.
   *
   * @param {string} id
   */
  room(id) {
    return this.#rooms.get(id);
  }

  /**
   * Whether the page of a room is open: then its messages and members must be complete.
   *
   * @param {string} id
   */
  isOpen(id) {
    return (this.#rooms.get(id)?.messages ?? null) !== null;
  }

  /** @param {string} id */
  unread(id) {
    return this.#unread.get(id)?.count ?? 0;
  }

  /**
   * How many of the unread messages mention the user, or everyone.
   *
   * @param {string} id
   */
  mentions(id) {
    return this.#unread.get(id)?.mentions ?? 0;
  }

  /**
   * Whether the user muted a room.
   *
   * @param {string} id
   */
  isMuted(id) {
    return this.#unread.get(id)?.isMuted ?? false;
  }

  /**
   * The version up to which the user has read a room; Infinity while nothing in it is unread.
   *
   * @param {string} id
   */
  readUpTo(id) {
    const unread = this.#unread.get(id);
    return unread === undefined || unread.count === 0 ? Infinity : unread.reading.version;
  }

  /** Rooms that lack events, as one arrived early: {id, version, upTo}, to fetch the events between. */
  get behind() {
    const rooms = [...this.#rooms.values()].filter((room) => room.isBehind);
    return rooms.map(({ id, version, knownUpTo }) => ({ id, version, upTo: knownUpTo }));
  }

  /** Rooms that were never loaded, and the newest version of their events: {id, upTo}. */
  get unknown() {
    return [...this.#unloaded].map(([id, events]) => ({ id, upTo: Math.max(...events.map((event) => event.version)) }));
  }

  /**
   * Call `listener(event)` after each event that was applied, and `listener(null)` after any other change.
   *
   * @param {(event: RoomChange | null) => void} listener
   * @param {AbortSignal} [signal] ends it
   */
  subscribe(listener, signal) {
    if (signal?.aborted) return;
    this.#listeners.add(listener);
    signal?.addEventListener("abort", () => this.#listeners.delete(listener));
  }

  /**
   * Open the room of a page that was loaded while events arrived. `since` are those that were applied after the page
   * was asked for: they need not be fetched again where the page is older.
   *
   * @param {PageState} page
   * @param {RoomChange[]} since
   */
  open({ position, log, readings = [], open, rooms, listed = 0 }, since) {
    if (listed > this.#listed) this.loadList(rooms);
    if (!open) return;
    const { id } = open.room;
    this.places.add({ position, log });
    this.receiveReadings(readings);
    const before = this.#rooms.get(id);
    const unloaded = this.#unloaded.get(id) ?? [];
    const upTo = Math.max(before?.knownUpTo ?? 0, this.#absentUpTo.get(id) ?? 0);
    this.#unloaded.delete(id);
    this.#add(new Room(open.room, { ...open, me: this.user.id, upTo }));
    for (const event of [...since, ...(before?.waiting ?? []), ...unloaded]) {
      if (event.body.room.id === id) this.receive(event);
    }
    this.#notify(null);
  }

  /**
   * The room's page was left: its messages and members are not kept.
   *
   * @param {string} id
   */
  close(id) {
    this.#rooms.get(id)?.close();
  }

  /**
   * Nothing up to a position is missing, and that is this place in the log.
   *
   * @param {{ position: number, log?: string }} publication
   */
  moveTo({ position, log }) {
    if (position <= this.position) return;
    this.position = position;
    this.places.replace({ position, log });
  }

  /**
   * A request that is refused when the mirror is not of the log as it is.
   *
   * @param {string} path
   */
  withLog(path) {
    const query = this.places.all.map((place) => `log=${encodeURIComponent(place)}`).join("&");
    return query === "" ? path : `${path}${path.includes("?") ? "&" : "?"}${query}`;
  }

  /**
   * Whether a room has another message in the place of this one: one of the two is not in the log.
   *
   * @param {RoomChange} event
   */
  contradicts(event) {
    return !isRange(event) && kindOf(event).isMessage === true && this.#hasAnother(event);
  }

  /** @param {RoomChange} event */
  receive(event) {
    const id = event.body.room.id;
    const room = this.#rooms.get(id);
    if (room === undefined) this.#receiveUnloaded(id, event);
    else for (const applied of room.receive(event)) this.#applied(id, applied);
  }

  /**
   * What the user has read, on any device.
   *
   * @param {Reading} reading
   */
  receiveReading(reading) {
    this.receiveReadings([reading]);
  }

  /** @param {Reading[]} readings */
  receiveReadings(readings) {
    for (const reading of readings) {
      const unread = this.#unread.get(reading.room_id);
      if (unread === undefined) this.#unread.set(reading.room_id, new Unread(reading));
      else unread.update(reading);
    }
    this.#notify(null);
  }

  /** @param {number} waiting how many invitations wait for the user's answer */
  receiveInvitations(waiting) {
    this.invitations = waiting;
    this.#notify(null);
  }

  /**
   * Add a room that was unknown.
   *
   * @param {ShownRoom} shown
   */
  load(shown) {
    this.#load(shown);
    this.#notify(null);
  }

  /** @param {ShownRoom} shown */
  #load(shown) {
    const { id } = shown;
    const events = this.#unloaded.get(id) ?? [];
    this.#unloaded.delete(id);
    const upTo = this.#absentUpTo.get(id) ?? 0; // left, perhaps, while the room was asked for
    if (!this.#rooms.has(id)) this.#add(new Room(shown, { me: this.user.id, upTo }));
    for (const event of events) this.receive(event);
  }

  /**
   * The list of rooms as the API has it.
   *
   * @param {ShownRoom[]} rooms
   */
  loadList(rooms) {
    this.listMore();
    this.#horizon = horizonOf(rooms, LISTED);
    for (const shown of rooms) this.#load(shown);
    this.#notify(null);
  }

  /**
   * The user was not a member of this room at version `upTo`, according to the API.
   *
   * @param {string} id
   * @param {number} upTo
   */
  forget(id, upTo) {
    this.#dropUnloaded(id, upTo);
    this.#rooms.get(id)?.forget(upTo);
    this.#notify(null);
  }

  /** @param {RoomChange} event */
  #hasAnother({ body }) {
    return this.#rooms.get(body.room.id)?.hasAnotherThan(/** @type {Message} */ (body)) ?? false;
  }

  /** @param {Room} room */
  #add(room) {
    this.#rooms.set(room.id, room);
  }

  /**
   * @param {string} id
   * @param {RoomChange} event
   */
  #receiveUnloaded(id, event) {
    if (event.version <= (this.#absentUpTo.get(id) ?? 0)) return;
    this.#unloaded.set(id, [...(this.#unloaded.get(id) ?? []), event]);
    const membership = this.#ownMembership(event);
    if (membership === "starts") {
      const { room } = /** @type {Member} */ (event.body);
      this.#add(new Room(room, { me: this.user.id }));
      this.#applied(id, event);
      this.load(room);
    } else if (membership === "ends") {
      this.#dropUnloaded(id, event.version);
    }
  }

  /**
   * @param {string} id
   * @param {number} version
   */
  #dropUnloaded(id, version) {
    this.#absentUpTo.set(id, Math.max(version, this.#absentUpTo.get(id) ?? 0));
    const later = (this.#unloaded.get(id) ?? []).filter((event) => event.version > version);
    if (later.length > 0) this.#unloaded.set(id, later);
    else this.#unloaded.delete(id);
  }

  /**
   * @param {string} id
   * @param {RoomChange} event
   */
  #applied(id, event) {
    if (this.#isOwn(event)) this.#appliedOwn(id, event);
    else if (!isRange(event)) this.#count(this.#unread.get(id), event);
    this.#notify(event);
  }

  /**
   * What another user said, or how they edited it.
   *
   * @param {Unread | undefined} unread
   * @param {RoomEvent} event
   */
  #count(unread, event) {
    if (kindOf(event).isMessage) {
      const { mentions = [] } = /** @type {Message} */ (event.body);
      unread?.addMessage(event.version);
      if (this.#isNamed(mentions)) unread?.addMention(event.version, event.version);
    } else if ("mentioned" in event.body && event.body.mentioned !== undefined && event.body.message !== null) {
      const { message, mentioned } = event.body;
      const before = (message.mentions ?? []).filter(({ id }) => !mentioned.some((user) => user.id === id));
      if (this.#isNamed(mentioned) && !this.#isNamed(before)) unread?.addMention(message.id, event.version);
    }
  }

  /** @param {User[]} users */
  #isNamed(users) {
    return users.some(({ id }) => id === this.user.id || id === EVERYONE);
  }

  /**
   * Messages from before the user joined are not unread. A reading that counts up to this event includes it already.
   *
   * @param {string} id
   * @param {RoomChange} event
   */
  #appliedOwn(id, event) {
    const { version } = event;
    if ((this.#unread.get(id)?.reading.counted ?? 0) >= version) return;
    const membership = this.#ownMembership(event);
    const counts = { unread: 0, counted: version, mentions: 0 };
    const nothingUnread = { room_id: id, version, ...counts, is_muted: false, mute_changes: 0 };
    if (membership === "starts") this.#unread.set(id, new Unread(nothingUnread));
    else if (membership === "ends") this.#unread.delete(id);
  }

  /** @param {RoomChange} event */
  #ownMembership(event) {
    return this.#isOwn(event) && !isRange(event) ? kindOf(event).membership : undefined;
  }

  /** @param {RoomChange} event */
  #isOwn(event) {
    return !isRange(event) && event.body.user.id === this.user.id;
  }

  /** @param {RoomChange | null} event */
  #notify(event) {
    for (const listener of this.#listeners) listener(event);
  }
}
