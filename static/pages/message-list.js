import { pieces } from "../onrecord/text.js";
import { clock, day, localise, separateDays, separator } from "./words.js";

const NEAR_PX = 120;
const PAGE = 100;
const MOST = 2000; // messages on the page while somebody reads the newest; the room remembers the others
const KEPT = 1000;

/** The messages of a room on the page: what is there stays, newer ones are added below, older ones above. */
export class MessageList {
  onRetry = () => {};
  onEnd = () => {};
  #scroll;
  #list;
  #outgoing;
  #jump;
  #olderLine;
  #room;
  #outbox;
  #older;
  #isLoading = false;
  #hasOlder;
  #first = Infinity;
  #last = 0;
  #lastDay = null;

  /** `room` null: a list that stays as it is. `older(before)` adds to the room and answers whether there are more. */
  constructor(talk, room, { outbox = null, older = null } = {}) {
    this.#scroll = talk.querySelector(".scroll");
    this.#list = talk.querySelector(".messages");
    this.#outgoing = talk.querySelector(".outgoing");
    this.#jump = talk.querySelector(".jump");
    this.#olderLine = talk.querySelector(".older");
    this.#room = room;
    this.#outbox = outbox;
    this.#older = older;
    this.#hasOlder = !this.#olderLine.hidden;
    localise(this.#list);
    separateDays(this.#list);
    if (room === null) return;
    if (room.messages.length > 0) this.#note(room.messages);
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#olderLine.addEventListener("click", (event) => {
      event.preventDefault();
      this.#loadOlder();
    });
    this.#jump.querySelector("button").addEventListener("click", () => this.toEnd());
    this.#outgoing.addEventListener("click", (event) => this.#clicked(event.target));
    this.toEnd();
  }

  get isAtEnd() {
    return this.#scroll.scrollHeight - this.#scroll.scrollTop - this.#scroll.clientHeight < NEAR_PX;
  }

  toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  render() {
    const wasAtEnd = this.isAtEnd;
    const newer = this.#append();
    this.#renderLetters();
    this.#scroll.parentElement.querySelector(".start").hidden = this.#list.childElementCount > 0;
    if (wasAtEnd) this.#trim();
    if (wasAtEnd) this.toEnd();
    else if (newer > 0) this.#jump.hidden = false;
  }

  #append() {
    const messages = this.#room.messages;
    let from = messages.length;
    while (from > 0 && messages[from - 1].id > this.#last) from -= 1;
    const newer = messages.slice(from);
    this.#list.append(items(this.#room.id, newer, this.#lastDay));
    if (newer.length > 0) this.#note(newer);
    return newer.length;
  }

  /** These messages are on the page now. */
  #note(messages) {
    const [first, last] = [messages[0], messages.at(-1)];
    this.#first = Math.min(this.#first, first.id);
    if (last.id < this.#last) return;
    this.#last = last.id;
    this.#lastDay = day(last.created_at);
  }

  #scrolled() {
    if (this.isAtEnd) {
      this.#jump.hidden = true;
      this.onEnd();
    }
    if (this.#scroll.scrollTop < this.#scroll.clientHeight) this.#loadOlder();
  }

  async #loadOlder() {
    if (this.#isLoading || this.#olderLine.hidden) return;
    this.#isLoading = true;
    try {
      if (this.#remembered.length === 0) this.#hasOlder = await this.#older(this.#first);
      this.#prepend(this.#remembered.slice(-PAGE));
      this.#olderLine.hidden = !this.#hasOlder && this.#remembered.length === 0;
    } catch {
      this.#olderLine.querySelector("a").textContent = "Older messages: no answer, try again";
    } finally {
      this.#isLoading = false;
    }
  }

  /** Messages of the room that are older than those on the page. */
  get #remembered() {
    return this.#room.messages.filter((message) => message.id < this.#first);
  }

  /** A window that is open for long does not grow for ever. */
  #trim() {
    if (this.#list.childElementCount <= MOST) return;
    while (this.#list.childElementCount > KEPT) this.#list.firstElementChild.remove();
    const first = this.#list.querySelector(":scope > .message");
    if (this.#list.firstElementChild === first) first.before(separator(day(first.querySelector("time").dateTime)));
    this.#first = Number(first.dataset.id);
    this.#olderLine.hidden = false;
  }

  /** What is being read stays where it is. */
  #prepend(older) {
    if (older.length === 0) return;
    const fromBottom = this.#scroll.scrollHeight - this.#scroll.scrollTop;
    const first = this.#list.querySelector(":scope > .day");
    if (first.textContent === day(older.at(-1).created_at)) first.remove();
    this.#list.prepend(items(this.#room.id, older, null));
    this.#note(older);
    this.#scroll.scrollTop = this.#scroll.scrollHeight - fromBottom;
  }

  #renderLetters() {
    const items = new Map([...this.#outgoing.children].map((item) => [item.dataset.key, item]));
    const letters = this.#outbox.letters;
    for (const [key, item] of items) if (!letters.some((letter) => letter.key === key)) item.remove();
    for (const letter of letters) {
      const item = items.get(letter.key) ?? this.#outgoing.appendChild(letterItem(letter));
      item.dataset.state = letter.state;
      item.querySelector(".state").textContent = letter.state === "failed" ? `Not sent. ${letter.problem}` : "Sending…";
      item.querySelector(".again").hidden = letter.state !== "failed";
    }
  }

  #clicked(target) {
    const key = target.closest(".letter")?.dataset.key;
    const letter = this.#outbox.letters.find((other) => other.key === key);
    if (letter === undefined) return;
    if (target.matches(".retry")) this.onRetry(letter);
    if (target.matches(".discard")) {
      this.#outbox.remove(letter);
      this.render();
    }
  }
}

/** Messages as list items, with a separator before the first of each day; `before` is the day above them. */
function items(roomId, messages, before) {
  const made = document.createDocumentFragment();
  for (const message of messages) {
    const today = day(message.created_at);
    if (today !== before) made.append(separator(today));
    made.append(messageItem(roomId, message));
    before = today;
  }
  return made;
}

function messageItem(roomId, { id, content, user, created_at }) {
  const item = document.getElementById("message-template").content.firstElementChild.cloneNode(true);
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

function letterItem({ key, content }) {
  const item = document.getElementById("letter-template").content.firstElementChild.cloneNode(true);
  item.dataset.key = key;
  item.querySelector(".text").replaceChildren(...nodes(content));
  return item;
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
