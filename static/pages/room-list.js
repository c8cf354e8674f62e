import { count, members, write } from "./words.js";

const LAST_LENGTH = 120;

/** A list of the user's rooms, latest bumped first, with what is unread in each. */
export class RoomList {
  #list;
  #mirror;
  #items = new Map();
  #template = document.getElementById("room-template");
  #empty;

  constructor(list, mirror) {
    this.#list = list;
    this.#mirror = mirror;
    this.#empty = list.parentElement.querySelector(".empty");
    for (const item of list.children) this.#items.set(item.dataset.id, { item, shown: null, unread: null });
  }

  render() {
    const rooms = this.#mirror.rooms;
    const ids = new Set(rooms.map((room) => room.id));
    for (const [id, { item }] of this.#items) {
      if (ids.has(id)) continue;
      item.remove();
      this.#items.delete(id);
    }
    rooms.forEach((room, place) => {
      const item = this.#item(room);
      if (this.#list.children[place] !== item) this.#list.insertBefore(item, this.#list.children[place] ?? null);
    });
    if (this.#empty !== null) this.#empty.hidden = rooms.length > 0;
  }

  #item(room) {
    const unread = this.#mirror.unread(room.id);
    let known = this.#items.get(room.id);
    if (known === undefined) {
      known = { item: this.#template.content.firstElementChild.cloneNode(true), shown: null, unread: null };
      this.#items.set(room.id, known);
    }
    if (known.shown !== room) fill(known.item, room);
    if (known.unread !== unread) fillUnread(known.item, unread);
    known.shown = room;
    known.unread = unread;
    return known.item;
  }
}

function fill(item, room) {
  const last = room.last_message;
  item.dataset.id = room.id;
  item.querySelector("a").href = `/rooms/${room.id}/`;
  write(item.querySelector(".name bdi"), room.name);
  const said = last === null ? "Nothing said yet" : `${last.user.username}: ${last.content.slice(0, LAST_LENGTH)}`;
  write(item.querySelector(".last bdi"), said);
  write(item.querySelector(".members"), `${room.member_count} ${members(room.member_count)}`);
}

function fillUnread(item, unread) {
  item.querySelector(".unread").hidden = unread === 0;
  write(item.querySelector(".count"), count(unread));
}
