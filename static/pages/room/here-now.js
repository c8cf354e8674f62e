import { counted } from "../../onrecord/format.js";
import { find, itemsOf, write } from "../dom.js";

/**
 * @import { Room } from "../../onrecord/room.js"
 * @import { LivePage } from "../live-page.js"
 */

const MOST_MEMBERS = 100; // projections/fanout/here.py
const TELL_EVERY_MS = 3000;
const TYPES_FOR_MS = 5000;

/** Who else has the room open, and who types: told live, kept nowhere, and without a connection not known. */
export class HereNow {
  #conversation;
  #page;
  #room;
  #signal;
  /** Ends listening; null while there is none. @type {AbortController | null} */
  #attending = null;
  /** @type {Set<number>} */
  #present = new Set();
  /** Until when each is shown. @type {Map<number, number>} */
  #typing = new Map();
  #told = -Infinity;
  #isTelling = false;

  /**
   * @param {HTMLElement} conversation
   * @param {{ page: LivePage, room: Room, signal: AbortSignal }} parts `signal` ends it
   */
  constructor(conversation, { page, room, signal }) {
    this.#conversation = conversation;
    this.#page = page;
    this.#room = room;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.#attending?.abort());
    page.mirror.subscribe((event) => {
      if (event?.type !== "message_added" || event.body.room.id !== room.id || !("user" in event.body)) return;
      if (this.#typing.delete(event.body.user.id)) this.render();
    }, signal);
  }

  render() {
    this.#attend();
    const others = [...this.#present].filter((id) => id !== this.#room.me);
    const count = find(this.#conversation, ".here-count");
    count.hidden = others.length === 0;
    write(count, `${counted(others.length, "other")} here`);
    for (const item of itemsOf(find(this.#conversation, ".members-list"))) {
      const isHere = this.#present.has(Number(item.dataset.id));
      item.classList.toggle("here", isHere);
      item.title = isHere ? "Has this room open" : "";
    }
    write(find(this.#conversation, ".typing"), this.#typingText());
  }

  /** The user typed something that is going to be a message. */
  async typed() {
    const now = performance.now();
    if (this.#present.size < 2 || this.#isTelling || now - this.#told < TELL_EVERY_MS) return;
    this.#told = now;
    this.#isTelling = true;
    await this.#page.api.post(`/api/rooms/${this.#room.id}/typing/`).catch(() => {});
    this.#isTelling = false;
  }

  #attend() {
    const { shown, isLeft } = this.#room;
    const isWanted = !isLeft && shown.member_count <= MOST_MEMBERS && !this.#signal.aborted;
    if (isWanted === (this.#attending !== null)) return;
    if (!isWanted) {
      this.#attending?.abort();
      this.#attending = null;
      this.#present.clear();
      return;
    }
    this.#attending = new AbortController();
    const heard = {
      onPresence: (/** @type {Set<number>} */ present) => this.#isPresent(present),
      onPublication: (/** @type {any} */ data) => data.type === "typing" && this.#types(data.body.user_id),
    };
    const place = { channel: `here:${this.#room.id}`, token: this.#page.hereToken };
    this.#page.client.attend(place, heard, this.#attending.signal);
  }

  /** @param {Set<number>} present */
  #isPresent(present) {
    if (this.#signal.aborted) return;
    this.#present = present;
    this.render();
  }

  /** @param {number} id */
  #types(id) {
    if (id === this.#room.me || this.#signal.aborted) return;
    this.#typing.set(id, performance.now() + TYPES_FOR_MS);
    setTimeout(() => this.#signal.aborted || this.render(), TYPES_FOR_MS + 1);
    this.render();
  }

  #typingText() {
    const now = performance.now();
    for (const [id, until] of this.#typing) if (until <= now) this.#typing.delete(id);
    const names = (this.#room.members ?? []).filter(({ id }) => this.#typing.has(id)).map(({ username }) => username);
    if (names.length === 0) return "";
    if (names.length === 1) return `\u2068${names[0]}\u2069 is typing …`;
    if (names.length === 2) return `\u2068${names[0]}\u2069 and \u2068${names[1]}\u2069 are typing …`;
    return `${names.length} people are typing …`;
  }
}
