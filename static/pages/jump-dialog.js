import { ApiError } from "../onrecord/api.js";
import { badge } from "../onrecord/format.js";
import { newKey } from "../onrecord/keys.js";
import { titleOf } from "../onrecord/text.js";
import { find } from "./dom.js";

/**
 * @import { Room, User } from "../onrecord/shapes.js"
 * @import { LivePage } from "./live-page.js"
 */

/** @typedef {{ name: string, what: string, go: () => void | Promise<void> }} Option */

const MOST = 12;

/** Ctrl+K: jump to one of the user's rooms, to a conversation with a person, or to a search among all rooms. */
export class JumpDialog {
  #page;
  #open;
  #dialog = find(document, ".jump-dialog", HTMLDialogElement);
  #input = find(document, ".jump-input", HTMLInputElement);
  #list = find(document, ".jump-options");
  #problem = find(this.#dialog, ".problem");
  /** @type {Option[]} */
  #options = [];
  #chosen = 0;
  #roomCount = 0;

  /**
   * @param {LivePage} page
   * @param {(path: string) => void} open goes to a page
   */
  constructor(page, open) {
    this.#page = page;
    this.#open = open;
    this.#input.addEventListener("input", () => this.#find());
    this.#input.addEventListener("keydown", (event) => this.#pressed(event));
    this.#list.addEventListener("click", ({ target }) => {
      const item = target instanceof Element ? target.closest("li") : null;
      if (item !== null) this.#go(this.#options[[...this.#list.children].indexOf(item)]);
    });
    page.mirror.subscribe(() => this.#dialog.open && page.mirror.rooms.length !== this.#roomCount && this.#find());
    this.#dialog.addEventListener("click", ({ target }) => target === this.#dialog && this.#dialog.close());
    this.#dialog.addEventListener("keydown", (event) => event.key === "Escape" && event.stopPropagation());
    this.#dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#go(this.#options[this.#chosen]);
    });
  }

  show() {
    if (this.#dialog.open) return;
    this.#input.value = "";
    this.#find();
    this.#page.client.listMore();
    this.#dialog.showModal();
    this.#input.focus();
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const count = this.#options.length;
    if (count > 0) this.#choose((this.#chosen + step + count) % count);
  }

  #find() {
    const text = this.#input.value.trim();
    this.#options = this.#optionsFor(text);
    this.#problem.hidden = true;
    this.#list.replaceChildren(...this.#options.map(optionItem));
    this.#choose(0);
  }

  /** @param {string} text */
  #optionsFor(text) {
    const wanted = text.toLocaleLowerCase();
    const matches = (/** @type {Option} */ { name }) => name.toLocaleLowerCase().includes(wanted);
    const { mirror, user } = this.#page;
    const { rooms } = mirror;
    this.#roomCount = rooms.length;
    const unreadOf = (/** @type {string} */ id) => mirror.unread(id);
    const isUnread = (/** @type {{ id: string }} */ { id }) => Number(unreadOf(id) > 0 && !mirror.isMuted(id));
    const inRooms = [...rooms].sort((one, other) => isUnread(other) - isUnread(one)).map((room) => ({
      name: titleOf(room, user.id),
      what: unreadOf(room.id) > 0 ? `${badge(unreadOf(room.id))} unread` : kindOf(room, user.id),
      go: () => this.#open(`/rooms/${room.id}/`),
    }));
    const people = this.#people().map((person) => ({
      name: person.username,
      what: withKind("Person", person),
      go: () => this.#talkTo(person.username),
    }));
    const found = [...inRooms, ...people].filter(matches).slice(0, MOST);
    if (text === "") return found;
    const everywhere = {
      name: `Rooms with “${text}” in the name`,
      what: "Discover",
      go: () => this.#open(`/discover/?q=${encodeURIComponent(text)}`),
    };
    return [...found, everywhere];
  }

  /** Whom this page knows, but the user and with whom there is a conversation of two: that is among the rooms. */
  #people() {
    const { mirror, user } = this.#page;
    /** @type {Map<number, User>} */
    const known = new Map();
    for (const { id, people = [], last_message } of mirror.rooms) {
      const members = mirror.room(id)?.members ?? [];
      for (const person of [...people, ...members, ...(last_message === null ? [] : [last_message.user])]) {
        if (person.id !== user.id && person.id > 0 && person.kind !== "erased") known.set(person.id, person);
      }
    }
    for (const { visibility, people = [] } of mirror.rooms) {
      if (visibility === "direct" && people.length === 2) for (const { id } of people) known.delete(id);
    }
    return [...known.values()].sort((one, other) => one.username.localeCompare(other.username));
  }

  /** @param {number} place */
  #choose(place) {
    this.#chosen = place;
    const items = [...this.#list.children];
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === place)));
    items[place]?.scrollIntoView({ block: "nearest" });
    this.#input.setAttribute("aria-activedescendant", items[place]?.id ?? "");
  }

  /** @param {Option | undefined} option */
  async #go(option) {
    if (option === undefined) return;
    try {
      await option.go();
      this.#dialog.close();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#problem.textContent = error.message;
      this.#problem.hidden = false;
    }
  }

  /** Open the conversation with a person: these two have one. @param {string} username */
  async #talkTo(username) {
    const { body } = await this.#page.api.record("/api/direct/", { usernames: [username] }, { key: newKey() });
    this.#open(`/rooms/${body.id}/`);
  }
}

/**
 * @param {string} what
 * @param {User} person
 */
const withKind = (what, { kind }) => (kind === undefined ? what : `${what}, ${kind}`);

/**
 * What a room is, and what the other person of two is.
 *
 * @param {Room} room
 * @param {number} me
 */
function kindOf({ visibility, people = [] }, me) {
  if (visibility !== "direct") return "Room";
  const others = people.filter(({ id }) => id !== me);
  return others.length === 1 ? withKind("Direct", others[0]) : "Direct";
}

/**
 * @param {Option} option
 * @param {number} place
 */
function optionItem({ name, what }, place) {
  const item = document.createElement("li");
  item.id = `jump-option-${place}`;
  item.role = "option";
  const title = Object.assign(document.createElement("bdi"), { textContent: name });
  const kind = Object.assign(document.createElement("span"), { textContent: what, className: "what" });
  item.append(title, " ", kind);
  return item;
}
