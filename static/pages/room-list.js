import { badge, counted } from "../onrecord/format.js";
import { find, findAll, fromTemplate, itemsOf, write } from "./dom.js";
import { writeLastWords } from "./markup.js";
import { showKind, showTitle } from "./people.js";

/**
 * @import { Mirror } from "../onrecord/mirror.js"
 * @import { Room } from "../onrecord/shapes.js"
 */

const NEAR = "200px";

/** @typedef {{ element: HTMLElement, shown: Room | null, counts: string }} Item `counts`: of what is unread. */

/**
 * The user's rooms, latest bumped first, with the numbers of unread messages and mentions in each: in one list, or in
 * one for each group.
 */
export class RoomList {
  #root;
  #lists;
  #mirror;
  /** @type {Map<string | undefined, Item>} */
  #items = new Map();
  /** @type {HTMLElement | null | undefined} */
  #empty;
  /** The link to all rooms, where the list may end before them. @type {HTMLElement | null | undefined} */
  #others;

  /**
   * @param {HTMLElement} root
   * @param {Mirror} mirror
   * @param {() => void} listMore called when the end of a list that has more is nearly in sight
   */
  constructor(root, mirror, listMore) {
    this.#root = root;
    this.#mirror = mirror;
    this.#lists = root.matches("ol") ? [root] : [...findAll(root, "[data-group]")];
    this.#empty = root.parentElement?.querySelector(".empty");
    this.#others = root.parentElement?.querySelector(".other-rooms");
    if (this.#others) {
      const near = { root: root.parentElement, rootMargin: NEAR };
      new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && listMore(), near).observe(this.#others);
    }
    for (const element of this.#lists.flatMap(itemsOf))
      this.#items.set(element.dataset.id, { element, shown: null, counts: "" });
  }

  get element() {
    return this.#root;
  }

  render() {
    const rooms = this.#mirror.rooms;
    const ids = new Set(rooms.map((room) => room.id));
    for (const [id, { element }] of this.#items) {
      if (id !== undefined && ids.has(id)) continue;
      element.remove();
      this.#items.delete(id);
    }
    for (const list of this.#lists) {
      rooms.filter((room) => this.#listOf(room) === list).forEach((room, place) => this.#place(list, room, place));
    }
    if (this.#empty) this.#empty.hidden = rooms.length > 0;
    if (this.#others) this.#others.hidden = !this.#mirror.hasMore;
  }

  /** @param {Room} room */
  #listOf(room) {
    const group = groupOf(room, this.#mirror);
    return this.#lists.find((list) => list.dataset.group === group) ?? this.#lists[0];
  }

  /**
   * An item that moves keeps the focus.
   *
   * @param {HTMLElement} list
   * @param {Room} room
   * @param {number} place
   */
  #place(list, room, place) {
    const element = this.#element(room);
    if (list.children[place] === element) return;
    const { activeElement } = document;
    list.insertBefore(element, list.children[place] ?? null);
    if (activeElement instanceof HTMLElement && element.contains(activeElement)) activeElement.focus();
  }

  /** @param {Room} room */
  #element(room) {
    const item = this.#items.get(room.id) ?? { element: fromTemplate("room-template"), shown: null, counts: "" };
    this.#items.set(room.id, item);
    if (item.shown !== room) fillRoom(item.element, room, this.#mirror.user.id);
    item.counts = fillCounts(item, this.#mirror, room.id);
    item.shown = room;
    return item.element;
  }
}

/**
 * The part of the sidebar in which a room is listed.
 *
 * @param {Room} room
 * @param {Mirror} mirror
 */
function groupOf({ id, visibility }, mirror) {
  if (mirror.isMuted(id)) return "muted";
  if (mirror.unread(id) > 0) return "unread";
  return visibility === "direct" ? "direct" : "rooms";
}

/**
 * @param {HTMLElement} item
 * @param {Room} room
 * @param {number} me
 */
function fillRoom(item, room, me) {
  const last = room.last_message;
  item.dataset.id = room.id;
  item.dataset.visibility = room.visibility ?? "public";
  find(item, "a", HTMLAnchorElement).href = `/rooms/${room.id}/`;
  showTitle(item, room, me);
  write(find(item, ".last .by"), last?.user.username ?? "");
  showKind(find(item, ".last .kind"), last?.user ?? {});
  find(item, ".last .colon").hidden = last === null;
  const words = find(item, ".last .words");
  if (last === null) write(words, "No messages yet");
  else writeLastWords(words, last);
  write(find(item, ".members"), counted(room.member_count, "member"));
}

/**
 * @param {Item} item
 * @param {Mirror} mirror
 * @param {string} id
 */
function fillCounts({ element, counts }, mirror, id) {
  const [unread, mentions, isMuted] = [mirror.unread(id), mirror.mentions(id), mirror.isMuted(id)];
  const shown = `${unread} ${mentions} ${isMuted}`;
  if (shown === counts) return counts;
  find(element, ".unread").hidden = unread === 0;
  write(find(element, ".count"), badge(unread));
  find(element, ".mentioned").hidden = mentions === 0;
  write(find(element, ".mention-count"), badge(mentions));
  element.classList.toggle("muted", isMuted);
  return shown;
}
