import { initials } from "../onrecord/format.js";
import { find, isolated } from "./dom.js";

/**
 * @import { Room, User } from "../onrecord/shapes.js"
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
 * What a room is called, in a heading or a list: a direct conversation by its other people and what they are.
 *
 * @param {HTMLElement} heading what else is in it stays
 * @param {Room} room
 * @param {number} me
 */
export function showTitle(heading, { name, people }, me) {
  const title = document.createElement("span");
  if (people === undefined) title.append(isolated(name));
  else {
    for (const person of people.filter(({ id }) => id !== me)) {
      if (title.childElementCount > 0) title.append(", ");
      title.append(...named(person));
    }
  }
  const shown = find(heading, ".name");
  if (shown.innerHTML !== title.innerHTML) shown.replaceChildren(...title.childNodes);
}

/**
 * The name of a user and the mark of the account.
 *
 * @param {User} user
 * @param {HTMLElement} [name] the element of the name, where it is another
 */
export function named(user, name = isolated(user.username)) {
  if (user.kind === undefined) return [name];
  const kind = document.createElement("span");
  showKind(kind, user);
  return [name, kind];
}
