import { pieces } from "../onrecord/text.js";
import { clock, day, separator } from "./words.js";

/** Messages as list items, with a separator before the first of each day; `before` is the day above them. */
export function items(roomId, messages, before = null) {
  const made = document.createDocumentFragment();
  for (const message of messages) {
    const today = day(message.created_at);
    if (today !== before) made.append(separator(today));
    made.append(messageItem(roomId, message));
    before = today;
  }
  return made;
}

/** A message on its way. */
export function letterItem({ key, content }) {
  const item = fromTemplate("letter-template");
  item.dataset.key = key;
  item.querySelector(".text").replaceChildren(...nodes(content));
  return item;
}

function messageItem(roomId, { id, content, user, created_at }) {
  const item = fromTemplate("message-template");
  item.id = `m${id}`;
  item.dataset.id = String(id);
  item.querySelector(".author").textContent = user.username;
  item.querySelector(".when").href = `/rooms/${roomId}/history/?at=${id}`;
  const time = item.querySelector("time");
  time.dateTime = created_at;
  time.textContent = clock(created_at);
  item.querySelector(".text").replaceChildren(...nodes(content));
  return item;
}

function fromTemplate(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

function nodes(content) {
  return pieces(content).map(({ text, href }) => {
    if (href === null) return document.createTextNode(text);
    return Object.assign(document.createElement("a"), {
      href,
      textContent: text,
      rel: "noopener noreferrer nofollow",
      target: "_blank",
    });
  });
}
