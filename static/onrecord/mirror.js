import { Unread } from "./readings.js";
import { Room } from "./room.js";

/** Latest bumped first, as the API lists rooms. Its times compare as strings. */
function byBump(one, other) {
  if (one.bumped_at !== other.bumped_at) return one.bumped_at > other.bumped_at ? -1 : 1;
  return one.id < other.id ? -1 : 1;
}

/**
 * The rooms of one user, kept in step with the log: *what was loaded + events since == what a fresh load would show*.
 *
 * Pure: no network, no DOM. Give it events from publications, from a room's events and from the feed alike, in any order
 * and as often as you like. It says what it lacks (`behind`, `unknown`), and whoever owns it fetches that.
 *
 * `position` is the point of the log up to which nothing is missing: the owner moves it, knowing where events came from.
 */
export class Mirror {
  #rooms = new Map();
  #unread = new Map();
  #strays = new Map(); // events of rooms that were never loaded
  #gone = new Map(); // rooms that were never loaded and cannot be, and the version up to which that is known
  #listeners = new Set();

  /** `state`: {user, position, rooms, readings, open: {room, messages, members} or null}, shapes as in the API. */
  constructor({ user, position, rooms, readings = [], open = null }) {
    this.user = user;
    this.position = position;
    for (const shown of rooms) this.#add(new Room(shown, { me: user.id }));
    if (open !== null) this.#add(new Room(open.room, { me: user.id, ...open }));
    for (const reading of readings) this.#unread.set(reading.room_id, new Unread(reading));
  }

  /** The user's rooms as the API shows them, latest bumped first. */
  get rooms() {
    return [...this.#rooms.values()].filter((room) => !room.isLeft).map((room) => room.shown).sort(byBump);
  }

  /** A Room, or undefined; one that was left (`isLeft`) stays where it is, to go on from if it is joined again. */
  room(id) {
    return this.#rooms.get(id);
  }

  unread(id) {
    return this.#unread.get(id)?.count ?? 0;
  }

  /** Rooms of which an event came early: {id, version, upTo}, to fetch the events between. */
  get behind() {
    const rooms = [...this.#rooms.values()].filter((room) => room.isBehind);
    return rooms.map(({ id, version, waitsFor }) => ({ id, version, upTo: waitsFor }));
  }

  /** Rooms of which events came, up to a version, although they were never loaded: {id, upTo}. */
  get unknown() {
    return [...this.#strays].map(([id, events]) => ({ id, upTo: Math.max(...events.map((event) => event.version)) }));
  }

  /** Call `listener(event)` after each event that was applied, and `listener(null)` after any other change. */
  subscribe(listener) {
    this.#listeners.add(listener);
  }

  /** Take an event: {type, version, position, body}. */
  take(event) {
    const id = event.body.room.id;
    const room = this.#rooms.get(id);
    if (room === undefined) this.#takeStray(id, event);
    else for (const applied of room.take(event)) this.#note(id, applied);
  }

  /** Take what some device of this user has read. */
  takeReading(reading) {
    const unread = this.#unread.get(reading.room_id);
    if (unread === undefined) this.#unread.set(reading.room_id, new Unread(reading));
    else unread.read(reading);
    this.#tell(null);
  }

  /** An unknown room: a Room of the API. */
  load(shown) {
    const { id } = shown;
    const strays = this.#strays.get(id) ?? [];
    this.#strays.delete(id);
    if (!this.#rooms.has(id)) this.#add(new Room(shown, { me: this.user.id }));
    for (const event of strays) this.take(event);
    this.#tell(null);
  }

  /** The user was not in this room (any more) at version `upTo`, as an answer of the API says. */
  forget(id, upTo) {
    const room = this.#rooms.get(id);
    if (room === undefined) this.#dropStrays(id, upTo);
    else room.forget(upTo);
    this.#tell(null);
  }

  #add(room) {
    this.#rooms.set(room.id, room);
  }

  #takeStray(id, event) {
    if (event.version <= (this.#gone.get(id) ?? 0)) return;
    this.#strays.set(id, [...(this.#strays.get(id) ?? []), event]);
    if (!this.#isMine(event)) return;
    if (event.type === "user_joined") {
      this.#add(new Room(event.body.room, { me: this.user.id }));
      this.#note(id, event);
      this.load(event.body.room);
    } else if (event.type === "user_left") {
      this.#dropStrays(id, event.version);
    }
  }

  #dropStrays(id, version) {
    this.#gone.set(id, Math.max(version, this.#gone.get(id) ?? 0));
    const later = (this.#strays.get(id) ?? []).filter((event) => event.version > version);
    if (later.length > 0) this.#strays.set(id, later);
    else this.#strays.delete(id);
  }

  #note(id, event) {
    if (this.#isMine(event)) this.#noteStay(id, event);
    else if (event.type === "message_added") this.#unread.get(id)?.message(event.version);
    this.#tell(event);
  }

  /** Nothing that was said before somebody joined is unread to them. A reading that counts further knows already. */
  #noteStay(room_id, { type, version }) {
    if ((this.#unread.get(room_id)?.reading.counted ?? 0) >= version) return;
    if (type === "user_joined") this.#unread.set(room_id, new Unread({ room_id, version, unread: 0, counted: version }));
    else if (type === "user_left") this.#unread.delete(room_id);
  }

  #isMine(event) {
    return event.body.user.id === this.user.id;
  }

  #tell(event) {
    for (const listener of this.#listeners) listener(event);
  }
}
