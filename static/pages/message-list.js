import { letterItem } from "./message-items.js";
import { MessageWindow } from "./message-window.js";
import { localise, separateDays, write } from "./words.js";

const NEAR_PX = 120;
const END_PX = 2; // heights are rounded

/** The messages of a room, and how one moves among them: what is newest is followed, what is being read stays in place. */
export class MessageList {
  onRetry = () => {};
  onMove = () => {};
  #scroll;
  #list;
  #outgoing;
  #jump;
  #olderLine;
  #room;
  #outbox;
  #older;
  #window;
  #isLoading = false;
  #hasOlder;
  #isAtEnd = true;
  #top = 0;
  #seen = 0;

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
    this.#window = new MessageWindow(this.#list, room);
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#olderLine.addEventListener("click", (event) => {
      event.preventDefault();
      this.#loadOlder();
    });
    this.#jump.querySelector("button").addEventListener("click", () => this.toEnd());
    this.#outgoing.addEventListener("click", (event) => this.#clicked(event.target));
    new ResizeObserver(() => this.#isAtEnd && this.#pull()).observe(this.#scroll);
  }

  /** Whether the newest message is in sight. */
  get isAtEnd() {
    return this.#isAtEnd;
  }

  toEnd() {
    this.#follow(true);
    this.onMove();
  }

  render() {
    if (this.#isAtEnd) {
      this.#window.toNewest();
      this.#seen = this.#window.last;
    }
    this.#renderLetters();
    this.#scroll.querySelector(".start").hidden = !this.#window.isEmpty;
    this.#renderAround();
    if (this.#isAtEnd) this.#pull();
  }

  #pull() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#top = this.#scroll.scrollTop; // what is less by the next event was somebody's doing
  }

  /** What leads to messages that are not on the page. */
  #renderAround() {
    this.#olderLine.hidden = !this.#hasOlder && !this.#window.hasAbove;
    this.#outgoing.hidden = this.#window.hasBelow;
    this.#jump.hidden = this.#isAtEnd;
    const hasNews = (this.#room.messages.at(-1)?.id ?? 0) > this.#seen;
    this.#jump.classList.toggle("news", hasNews);
    write(this.#jump.querySelector("button"), hasNews ? "New messages below" : "Newest messages");
  }

  /** What comes in is read out to those who listen only while they are where it comes in. */
  #follow(isAtEnd) {
    this.#isAtEnd = isAtEnd;
    this.#scroll.setAttribute("aria-live", isAtEnd ? "polite" : "off");
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    const rest = scrollHeight - clientHeight - scrollTop;
    const isUp = scrollTop < this.#top; // however little: who turns away from the end is not pulled back to it
    this.#top = scrollTop;
    const isNear = rest < END_PX || (rest < NEAR_PX && !isUp);
    const hasMore = !this.#isAtEnd && this.#window.hasBelow;
    if (isNear !== this.#isAtEnd && !hasMore) {
      this.#follow(isNear);
      this.onMove();
    }
    if (this.#isAtEnd) return;
    if (scrollTop < clientHeight) this.#loadOlder();
    else if (rest < clientHeight && hasMore) this.#keepInPlace(this.#list.lastElementChild, () => this.#window.moveDown());
  }

  async #loadOlder() {
    if (this.#isLoading || this.#olderLine.hidden) return;
    this.#isLoading = true;
    const link = this.#olderLine.querySelector("a");
    try {
      if (!this.#window.hasAbove) this.#hasOlder = await this.#older(this.#window.first);
      link.textContent = "Older messages";
      this.#keepInPlace(this.#list.querySelector(":scope > .message"), () => this.#window.moveUp());
    } catch {
      link.textContent = "Older messages: no answer, try again";
    } finally {
      this.#isLoading = false;
    }
  }

  #keepInPlace(item, change) {
    const before = item.getBoundingClientRect().top;
    change();
    this.#renderAround();
    this.#scroll.scrollTop += item.getBoundingClientRect().top - before;
  }

  #renderLetters() {
    const items = new Map([...this.#outgoing.children].map((item) => [item.dataset.key, item]));
    const letters = this.#outbox.letters;
    for (const [key, item] of items) if (!letters.some((letter) => letter.key === key)) item.remove();
    for (const letter of letters) {
      const item = items.get(letter.key) ?? this.#outgoing.appendChild(letterItem(letter));
      item.dataset.state = letter.state;
      write(item.querySelector(".state"), letter.state === "failed" ? `Not sent. ${letter.problem}` : "Sending…");
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
