import { initials } from "../onrecord/format.js";
import { find } from "./dom.js";

/**
 * @import { Room } from "../onrecord/room.js"
 * @import { User } from "../onrecord/shapes.js"
 */

const HUES = 8;

/**
 * @param {HTMLElement} element
 * @param {User} user
 */
export function showAvatar(element, { id, username }) {
  element.dataset.hue = String(id % HUES);
  element.textContent = initials(username);
}

/**
 * The mark of an account, where it has one: its `kind`.
 *
 * @param {HTMLElement} element
 * @param {Pick<User, "kind">} user
 */
export function showKind(element, { kind }) {
  element.hidden = kind === undefined;
  element.textContent = kind ?? "";
  element.className = kind === undefined ? "kind" : `kind kind-${kind}`;
}

/**
 * What a room is called, in a heading: a direct conversation by its other people, with what their accounts are.
 *
 * @param {HTMLElement} heading what else is in it stays
 * @param {Room} room
 */
export function showTitle(heading, { me, shown: { name, people } }) {
  const title = document.createElement("span");
  if (people === undefined) title.append(isolated(name));
  else {
    for (const person of people.filter(({ id }) => id !== me)) {
      if (title.childElementCount > 0) title.append(", ");
      const kind = document.createElement("span");
      showKind(kind, person);
      title.append(isolated(person.username), ...(person.kind === undefined ? [] : [kind]));
    }
  }
  const shown = find(heading, ".name");
  if (shown.innerHTML !== title.innerHTML) shown.replaceChildren(...title.childNodes);
}

/** @param {string} text */
const isolated = (text) => Object.assign(document.createElement("bdi"), { textContent: text });
