import { clock, day, erasedNote } from "../../onrecord/format.js";
import { linkFinder } from "../../onrecord/text.js";
import { find, fromTemplate } from "../dom.js";
import { separator } from "../times.js";

/**
 * @import { Message, User } from "../../onrecord/shapes.js"
 * @import { OutgoingMessage } from "../../onrecord/outbox.js"
 */

const findLinks = linkFinder(globalThis.LinkifyIt);

/**
 * Messages as list items, with a separator before the first of each day.
 *
 * @param {string} roomId
 * @param {Message[]} messages
 * @param {string | null} before the day of the message above them
 */
export function messageItems(roomId, messages, before = null) {
  const items = document.createDocumentFragment();
  for (const message of messages) {
    const today = day(message.created_at);
    if (today !== before) items.append(separator(today));
    items.append(messageItem(roomId, message));
    before = today;
  }
  return items;
}

/** @param {OutgoingMessage} message */
export function outgoingItem({ key, content }) {
  const item = fromTemplate("outgoing-template");
  item.dataset.key = key;
  find(item, ".text").replaceChildren(...textNodes(content));
  return item;
}

/**
 * @param {string} roomId
 * @param {Message} message
 */
export function messageItem(roomId, { id, content, user, created_at, erased }) {
  const item = fromTemplate("message-template");
  item.id = `m${id}`;
  item.dataset.id = String(id);
  find(item, ".author").textContent = user.username;
  showKind(find(item, ".kind"), user);
  find(item, ".when", HTMLAnchorElement).href = `/rooms/${roomId}/history/?at=${id}`;
  const time = find(item, "time", HTMLTimeElement);
  time.dateTime = created_at;
  time.textContent = clock(created_at);
  item.classList.toggle("erased", erased !== undefined);
  if (erased === undefined) find(item, ".text").replaceChildren(...textNodes(content));
  else find(item, ".text").textContent = erasedNote(erased.at, erased.why);
  return item;
}

/**
 * What an account is, where it is no ordinary one.
 *
 * @param {HTMLElement} element
 * @param {User} user
 */
export function showKind(element, { kind }) {
  element.hidden = kind === undefined;
  element.textContent = kind ?? "";
  element.className = kind === undefined ? "kind" : `kind kind-${kind}`;
}

/** @param {string} content */
function textNodes(content) {
  return findLinks(content).map(({ text, href }) => {
    if (href === null) return document.createTextNode(text);
    return Object.assign(document.createElement("a"), {
      href,
      textContent: text,
      rel: "noopener noreferrer nofollow",
      target: "_blank",
    });
  });
}
