import { pieces } from "../onrecord/text.js";
import { clock, day, localise, separateDays, separator } from "./words.js";

const NEAR_PX = 120;

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
  #first;
  #last;
  #lastDay;

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
    localise(this.#list);
    separateDays(this.#list);
    if (room === null) return;
    this.#noteEnds();
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
    if (wasAtEnd) this.toEnd();
    else if (newer > 0) this.#jump.hidden = false;
  }

  #append() {
    const added = document.createDocumentFragment();
    const messages = this.#room.messages;
    let from = messages.length;
    while (from > 0 && messages[from - 1].id > this.#last) from -= 1;
    for (const message of messages.slice(from)) {
      const today = day(message.created_at);
      if (today !== this.#lastDay) added.append(separator(today));
      added.append(messageItem(this.#room.id, message));
      this.#lastDay = today;
    }
    this.#list.append(added);
    if (from < messages.length) this.#last = messages.at(-1).id;
    return messages.length - from;
  }

  #noteEnds() {
    const items = this.#list.querySelectorAll(":scope > .message");
    this.#first = Number(items[0]?.dataset.id ?? Infinity);
    this.#last = Number(items[items.length - 1]?.dataset.id ?? 0);
    this.#lastDay = items.length > 0 ? day(items[items.length - 1].querySelector("time").dateTime) : null;
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
      this.#olderLine.hidden = !(await this.#older(this.#first));
      this.#prepend();
    } catch {
      this.#olderLine.querySelector("a").textContent = "Older messages: no answer, try again";
    } finally {
      this.#isLoading = false;
    }
  }

  /** What is being read stays where it is. */
  #prepend() {
    const added = document.createDocumentFragment();
    for (const message of this.#room.messages) {
      if (message.id >= this.#first) break;
      added.append(messageItem(this.#room.id, message));
    }
    const fromBottom = this.#scroll.scrollHeight - this.#scroll.scrollTop;
    this.#list.prepend(added);
    separateDays(this.#list);
    this.#noteEnds();
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
