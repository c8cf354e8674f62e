import { ApiError } from "../api.js";
import { sleep } from "./pace.js";

/**
 * @import { Api } from "../api.js"
 * @import { Mirror } from "../mirror.js"
 * @import { RangeEvent, RoomChange, StreamEvent } from "../shapes.js"
 */

const FEED_LIMIT = 1000;
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

/** As the server says it where a page has to be loaded again. */
const LOAD_AFRESH = new ApiError(409, { code: "log_restarted" });

/**
 * Whether versions beyond `version` are left out: what happened before the user joined again, and is not for them.
 *
 * @param {StreamEvent[]} events ascending
 * @param {number} version
 */
const hasHidden = (events, version) => events.some((event, place) => event.version !== version + 1 + place);

/** Fetches from the API what a mirror lacks: everything since its position, or what single rooms lack. */
export class CatchUp {
  /** Whether what happened since the mirror's position is being fetched. */
  isRunning = false;
  /** What `GET /api/delivery/` said last. */
  isLate = false;
  /** The last publication in sequence that came while catching up. @type {StreamEvent | RangeEvent | null} */
  #newest = null;
  #isRequested = false;
  #isFillingGaps = false;
  #isClosed = false;
  #mirror;
  #api;
  #warm;
  #onDone;
  #onEnd;
  /** The number of `feed_paused` that were received, and of those that a token has ended. */
  #pausesSeen = 0;
  #pausesEnded = 0;

  /**
   * @param {object} parts
   * @param {Mirror} parts.mirror
   * @param {Pick<Api, "get">} parts.api
   * @param {() => Promise<unknown>} parts.warm fetches a subscription token, so that publications go on
   * @param {() => void} parts.onDone called when the mirror has caught up
   * @param {(error: ApiError) => void} parts.onEnd called when this page will get no more answers
   */
  constructor({ mirror, api, warm, onDone, onEnd }) {
    this.#mirror = mirror;
    this.#api = api;
    this.#warm = warm;
    this.#onDone = onDone;
    this.#onEnd = onEnd;
  }

  close() {
    this.#isClosed = true;
  }

  /** The server publishes nothing more to this user until a token is fetched. */
  pause() {
    this.#pausesSeen += 1;
    this.request();
  }

  /** Fetch everything since the mirror's position; when requested again meanwhile, once more afterwards. */
  async request() {
    this.#isRequested = true;
    if (this.isRunning) return;
    this.isRunning = true;
    while (this.#isRequested && !this.#isClosed) {
      this.#isRequested = false;
      await this.#withRetries(() => this.read());
    }
    this.isRunning = false;
    if (this.#newest !== null) this.#mirror.moveTo(this.#newest); // and what came before it was published or read
    this.#newest = null;
    if (this.#isClosed) return;
    this.#onDone();
    this.fillGaps();
  }

  /** Read once what happened since, however it was or was not published. Raises ApiError. */
  async read() {
    await this.#endPauses();
    await this.#readFeed();
    await this.#readStanding();
    await this.ask();
  }

  /** Read again what the user has read, and how many invitations wait. */
  async readStanding() {
    await this.#withRetries(() => this.#readStanding());
  }

  /** Ask whether the server publishes in time, and whether what the mirror shows is in the log. Raises ApiError. */
  async ask() {
    const asked = this.#mirror.places.all;
    this.isLate = (await this.#api.get(this.#mirror.withLog("/api/delivery/"))).is_late;
    this.#mirror.places.confirm(asked);
  }

  /**
   * Nothing that was published up to here is missing.
   *
   * @param {StreamEvent | RangeEvent} publication
   */
  reach(publication) {
    if (this.isRunning) this.#newest = publication;
    else this.#mirror.moveTo(publication);
  }

  /**
   * Two events at one version of a room: ask which of them is in the log.
   *
   * @param {RoomChange} event
   */
  async settle({ version, body }) {
    const path = `/api/rooms/${body.room.id}/events/?after=${version - 1}&limit=1`;
    await this.#withRetries(async () => {
      const found = await this.#getOrNull(this.#mirror.withLog(path));
      const isOther = found?.events.some((/** @type {StreamEvent} */ event) => this.#mirror.contradicts(event));
      if (isOther) throw LOAD_AFRESH;
    });
  }

  /** Fetch what single rooms lack. */
  async fillGaps() {
    if (this.#isFillingGaps) return;
    this.#isFillingGaps = true;
    while (this.#hasGaps && !this.isRunning && !this.#isClosed) {
      await this.#withRetries(async () => {
        for (const room of this.#mirror.behind) await this.#fetchEvents(room);
        await this.#fetchRooms(this.#mirror.unknown);
        if (this.#mirror.lacksRooms) await this.#fetchList();
      });
    }
    this.#isFillingGaps = false;
  }

  get #hasGaps() {
    const { behind, unknown, lacksRooms } = this.#mirror;
    return behind.length > 0 || unknown.length > 0 || lacksRooms;
  }

  async #endPauses() {
    const pauses = this.#pausesSeen;
    if (pauses > this.#pausesEnded) await this.#warm();
    this.#pausesEnded = pauses;
  }

  async #readStanding() {
    const { readings, invitations } = await this.#api.get("/api/readings/");
    this.#mirror.receiveReadings(readings);
    this.#mirror.receiveInvitations(invitations);
    if (this.#mirror.lacksUnread) this.#mirror.listMore();
  }

  async #readFeed() {
    for (;;) {
      const path = `/api/feed/?after=${this.#mirror.position}&limit=${FEED_LIMIT}`;
      const asked = this.#mirror.places.all;
      /** @type {{ events: StreamEvent[], position: number, log?: string }} */
      const { events, position, log } = await this.#api.get(this.#mirror.withLog(path));
      for (const event of events) this.#mirror.receive(event);
      this.#mirror.position = Math.max(this.#mirror.position, position);
      this.#mirror.places.confirm(asked, { position, log });
      if (events.length < FEED_LIMIT) return;
    }
  }

  /**
   * Rooms come without what is unread in them, and the events that they include are counted by nobody.
   *
   * @param {{ id: string, upTo: number }[]} rooms
   */
  async #fetchRooms(rooms) {
    for (const room of rooms) await this.#fetchRoom(room);
    if (rooms.length > 0) await this.#readStanding();
  }

  async #fetchList() {
    const { results } = await this.#api.get("/api/rooms/");
    this.#mirror.loadList(results);
    if (this.#mirror.lacksRooms) throw new ApiError(0, null); // the answer is older than what was published
  }

  /** @param {{ id: string, upTo: number }} room */
  async #fetchRoom({ id, upTo }) {
    const room = await this.#getOrNull(`/api/rooms/${id}/`);
    if (room === null) this.#mirror.forget(id, upTo);
    else this.#mirror.load(room);
  }

  /** @param {{ id: string, version: number, upTo: number }} room */
  async #fetchEvents({ id, version, upTo }) {
    const path = `/api/rooms/${id}/events/?after=${version}&limit=${FEED_LIMIT}`;
    const found = await this.#getOrNull(this.#mirror.withLog(path));
    if (found === null) this.#mirror.forget(id, upTo);
    else if (found.events.length === 0) throw new ApiError(0, null); // answered by a replica behind the publications
    else if (hasHidden(found.events, version) && this.#mirror.isOpen(id)) throw LOAD_AFRESH;
    else for (const event of found.events) this.#mirror.receive(event);
  }

  /**
   * The answer, or null where this user may see nothing.
   *
   * @param {string} path
   */
  async #getOrNull(path) {
    try {
      return await this.#api.get(path);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return null;
      throw error;
    }
  }

  /**
   * Run `work`; while the server cannot answer, retry after longer and longer pauses.
   *
   * @param {() => Promise<void>} work
   */
  async #withRetries(work) {
    for (let tries = 0; !this.#isClosed; tries += 1) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.isEnd) return this.#onEnd(error);
        await sleep(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);
      }
    }
  }
}
