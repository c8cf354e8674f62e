import { find, isolated } from "../dom.js";
import { named } from "../people.js";

/**
 * @import { Room } from "../../onrecord/room.js"
 * @import { User } from "../../onrecord/shapes.js"
 */

const MOST = 8;
const EVERYONE = { id: 0, username: "room" };
/** An @ that begins a word, and what follows it up to the caret. The server's rule: domain/room/mentioning.py. */
const BEGUN = /(?<![\p{L}\p{N}_@.+-])@([^\s,;:!?()[\]{}<>*`"'/\\@]*)$/u;

/**
 * Offers the names of members after an `@` in the composer. It knows those whom the page knows: the first members, and
 * who wrote the messages that are loaded.
 */
export class MentionCompletion {
  #field;
  #list;
  #room;
  /** @type {User[]} */
  #options = [];
  #chosen = 0;

  /**
   * @param {HTMLFormElement} form
   * @param {Room} room
   */
  constructor(form, room) {
    this.#field = find(form, "textarea", HTMLTextAreaElement);
    this.#list = find(form, ".mention-options");
    this.#room = room;
    this.#field.setAttribute("aria-autocomplete", "list");
    this.#field.setAttribute("aria-controls", this.#list.id);
    for (const type of ["input", "click"]) this.#field.addEventListener(type, () => this.#find());
    this.#field.addEventListener("keyup", ({ key }) => /^(Arrow(Left|Right)|Home|End)$/.test(key) && this.#find());
    this.#field.addEventListener("blur", () => this.#close());
    this.#field.addEventListener("keydown", (event) => this.#pressed(event), { capture: true });
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault()); // the focus stays in the field
    this.#list.addEventListener("click", ({ target }) => {
      const item = target instanceof Element ? target.closest("li") : null;
      if (item !== null) this.#take([...this.#list.children].indexOf(item));
    });
    this.#find();
  }

  /** What was typed of a name, and where that begins; null where the caret is not after an `@`. */
  get #begun() {
    const { value, selectionStart, selectionEnd } = this.#field;
    const found = selectionStart === selectionEnd ? BEGUN.exec(value.slice(0, selectionStart)) : null;
    return found === null ? null : { name: found[1], start: found.index };
  }

  #find() {
    const begun = this.#begun;
    const options = begun === null ? [] : this.#optionsFor(begun.name.toLocaleLowerCase());
    const isWhole = options.length === 1 && options[0].username.toLocaleLowerCase() === begun?.name.toLocaleLowerCase();
    if (options.length === 0 || isWhole) return this.#close();
    this.#options = options;
    this.#list.replaceChildren(...options.map(optionItem));
    this.#list.hidden = false;
    this.#choose(0);
  }

  /** Names that begin so come first. @param {string} wanted */
  #optionsFor(wanted) {
    const begins = (/** @type {User} */ { username }) => username.toLocaleLowerCase().startsWith(wanted);
    const found = this.#people().filter(({ username }) => username.toLocaleLowerCase().includes(wanted));
    return [...found.filter(begins), ...found.filter((user) => !begins(user))].slice(0, MOST);
  }

  #people() {
    const { me, own, members, messages, shown } = this.#room;
    const listed = members ?? [];
    const authors = listed.length < shown.member_count ? (messages ?? []).map(({ user }) => user) : [];
    const known = new Map([...authors, ...listed].map((user) => [user.id, user]));
    const people = [...known.values()].filter(({ id, kind }) => {
      return id !== me && id > 0 && kind !== "erased" && kind !== "deactivated";
    });
    people.sort((one, other) => one.username.localeCompare(other.username));
    return own.role === "owner" ? [...people, EVERYONE] : people;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    if (this.#list.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = this.#options.length;
    if (event.key === "ArrowDown") this.#choose((this.#chosen + 1) % count);
    else if (event.key === "ArrowUp") this.#choose((this.#chosen + count - 1) % count);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) this.#take(this.#chosen);
    else if (event.key === "Escape") this.#close();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  /** @param {number} place */
  #choose(place) {
    this.#chosen = place;
    const items = [...this.#list.children];
    items.forEach((item, at) => item.setAttribute("aria-selected", String(at === place)));
    items[place].scrollIntoView({ block: "nearest" });
    this.#field.setAttribute("aria-activedescendant", items[place].id);
  }

  /** @param {number} place */
  #take(place) {
    const begun = this.#begun;
    if (begun === null) return this.#close();
    const { selectionEnd } = this.#field;
    this.#field.setRangeText(`@${this.#options[place].username} `, begun.start, selectionEnd, "end");
    this.#close();
    this.#field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    this.#field.focus();
  }

  #close() {
    this.#list.hidden = true;
    this.#options = [];
    this.#field.removeAttribute("aria-activedescendant");
  }
}

/**
 * @param {User} user
 * @param {number} place
 */
function optionItem(user, place) {
  const item = document.createElement("li");
  item.id = `mention-option-${place}`;
  item.role = "option";
  item.append(...named(user, isolated(`@${user.username}`)));
  const who = Object.assign(document.createElement("span"), { textContent: "all members" });
  if (user.id === EVERYONE.id) item.append(" ", who);
  return item;
}
