import { clock, day, erasedNote, exactly, number, reacted, retractedNote } from "../../onrecord/format.js";
import { find, fromTemplate, isolated } from "../dom.js";
import { withMarkup } from "../markup.js";
import { named, showAvatar, showKind } from "../people.js";
import { quote } from "./quote.js";
import { separator } from "../times.js";

/**
 * @import { Attachment, Message, Reaction, User } from "../../onrecord/shapes.js"
 * @import { AttachedFile } from "../../onrecord/uploads.js"
 * @import { OutgoingMessage } from "../../onrecord/outbox.js"
 * @import { Room } from "../../onrecord/room.js"
 */

/** What each item was made of: a message, and the one that it answers where that is known. */
const MADE_OF = /** @type {WeakMap<Element, [Message, Message | undefined]>} */ (new WeakMap());

/**
 * Messages as list items, with a separator before the first of each day.
 *
 * @param {Room} room
 * @param {Message[]} messages
 * @param {string | null} before the day of the message above them
 */
export function messageItems(room, messages, before = null) {
  const items = document.createDocumentFragment();
  for (const message of messages) {
    const today = day(message.created_at);
    if (today !== before) items.append(separator(today));
    items.append(messageItem(room, message));
    before = today;
  }
  return items;
}

/** @param {OutgoingMessage} message */
export function outgoingItem({ key, content, files = [] }) {
  const item = fromTemplate("outgoing-template");
  item.dataset.key = key;
  const text = find(item, ".text");
  text.replaceChildren(...withMarkup(content));
  if (files.length > 0) text.after(fileList(files.map((file) => [file, nameOf(file)])));
  return item;
}

/**
 * @param {Room} room
 * @param {Message} message
 */
export function messageItem(room, message) {
  const item = fromTemplate("message-template");
  const { id, user, created_at, erased, retracted, edited_at, pinned, reactions = [], mentions = [] } = message;
  const { attachments = [] } = message;
  const answered = room.answeredBy(message);
  MADE_OF.set(item, [message, answered]);
  item.id = `m${id}`;
  item.dataset.id = String(id);
  item.dataset.author = String(user.id);
  item.classList.toggle("own", user.id === room.me);
  showAvatar(find(item, ".avatar"), user);
  find(item, ".author").textContent = user.username;
  showKind(find(item, ".kind"), user);
  find(item, ".when", HTMLAnchorElement).href = `/rooms/${room.id}/?at=${id}#m${id}`;
  const time = find(item, "time", HTMLTimeElement);
  time.dateTime = created_at;
  time.textContent = clock(created_at);
  time.title = exactly(created_at);
  const page = `/rooms/${room.id}/messages/${id}/`;
  find(item, ".edited").hidden = edited_at === undefined;
  find(item, ".edited", HTMLAnchorElement).href = `${page}#versions`;
  find(item, ".pinned-mark").hidden = pinned === undefined;
  find(item, ".actions", HTMLAnchorElement).href = page;
  find(item, ".chip", HTMLAnchorElement).href = page;
  find(item, ".chip .number").textContent = String(id);
  const position = room.positions.get(id);
  find(item, ".chip .position").textContent = position === undefined ? "" : ` · ${position}`;
  item.classList.toggle("erased", erased !== undefined);
  item.classList.toggle("retracted", retracted !== undefined);
  item.classList.toggle("changed", !isAsPosted(message));
  const text = find(item, ".text");
  if (erased !== undefined) text.textContent = erasedNote(erased.at, erased.why);
  else if (retracted !== undefined) text.textContent = retractedNote(retracted);
  else text.replaceChildren(...withMarkup(message.content));
  if (message.reply_to !== undefined) text.before(replyLine(room.id, message.reply_to, answered));
  if (reactions.length > 0) text.after(reactionList(page, reactions));
  if (mentions.length > 0 && erased === undefined && retracted === undefined) text.after(mentionLine(mentions));
  if (attachments.length > 0) text.after(attachmentList(page, attachments));
  return item;
}

/**
 * Whether an item shows something else than the message, or the one that it answers, as they are now. An item of the
 * server's is taken to show a message on which nothing has been done, unless it says so.
 *
 * @param {HTMLElement} item
 * @param {Room} room
 * @param {Message} message
 */
export function isOutdated(item, room, message) {
  const made = MADE_OF.get(item);
  const answered = room.answeredBy(message);
  if (made !== undefined) return made[0] !== message || made[1] !== answered;
  if (!isAsPosted(message) || item.classList.contains("changed")) return true;
  MADE_OF.set(item, [message, answered]);
  return false;
}

/** @param {Message} message */
function isAsPosted({ user, erased, retracted, edited_at, reactions, pinned, reply_to, mentions, attachments }) {
  if (user.kind === "erased") return false; // it was posted under a name
  const done = [erased, retracted, edited_at, reactions, pinned, reply_to, mentions, attachments];
  return done.every((each) => each === undefined);
}

/**
 * @param {string} roomId
 * @param {number} id
 * @param {Message | undefined} answered
 */
function replyLine(roomId, id, answered) {
  const link = document.createElement("a");
  link.href = `/rooms/${roomId}/?at=${id}#m${id}`;
  if (answered === undefined) link.textContent = "an earlier message";
  else link.append(...quote(answered));
  const line = document.createElement("p");
  line.className = "reply-line";
  line.append(link);
  return line;
}

/**
 * Whom a message mentions, by their names of today.
 *
 * @param {User[]} users
 */
function mentionLine(users) {
  const line = Object.assign(document.createElement("p"), { className: "mentions" });
  for (const user of users) {
    const mention = isolated(`@${user.username}`, { className: "mention" });
    mention.dataset.userId = String(user.id);
    line.append(...named(user, mention), " ");
  }
  return line;
}

/**
 * @param {string} page
 * @param {Attachment[]} attachments
 */
function attachmentList(page, attachments) {
  return fileList(
    attachments.map((file) => {
      const link = document.createElement("a");
      link.href = `/api${page}attachments/${file.id}/`;
      if (file.width !== undefined) link.append(preview(link.href, file));
      link.append(nameOf(file));
      return [file, link];
    }),
  );
}

/** @param {{ name: string }} file */
const nameOf = ({ name }) => isolated(name || "file", { className: "file-name" });

/** @param {[AttachedFile, HTMLElement][]} files each with what stands before its size */
function fileList(files) {
  const list = Object.assign(document.createElement("ul"), { className: "attachments", ariaLabel: "Files" });
  for (const [{ size }, shown] of files) {
    const item = document.createElement("li");
    item.append(shown, ` ${number(size)} bytes`);
    list.append(item);
  }
  return list;
}

/**
 * @param {string} src
 * @param {Attachment} image
 */
function preview(src, { width, height }) {
  return Object.assign(new Image(width, height), { loading: "lazy", alt: "", src });
}

/**
 * @param {string} page
 * @param {Reaction[]} reactions
 */
function reactionList(page, reactions) {
  const list = Object.assign(document.createElement("ul"), { className: "reactions", ariaLabel: "Reactions" });
  for (const reaction of reactions) {
    const item = fromTemplate("reaction-template");
    const link = find(item, "a", HTMLAnchorElement);
    link.href = page;
    link.dataset.emoji = reaction.emoji;
    link.title = reacted(reaction);
    link.append(`${reaction.emoji} `, isolatedCount(reaction.count));
    list.append(item);
  }
  return list;
}

/** @param {number} count */
function isolatedCount(count) {
  return Object.assign(document.createElement("span"), { className: "count", textContent: String(count) });
}
