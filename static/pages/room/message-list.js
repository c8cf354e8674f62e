import { find, itemsOf, write } from "../dom.js";
import { outgoingItem } from "./message-items.js";
import { MessageWindow } from "./message-window.js";
import { groupMessages, localise, separateDays } from "../times.js";

/**
 * @import { Outbox, OutgoingMessage } from "../../onrecord/outbox.js"
 * @import { Room } from "../../onrecord/room.js"
 * @import { Sender } from "../../onrecord/sender.js"
 */

const NEAR_PX = 120;
const END_PX = 2; // heights are rounded
const ABOVE_UNREAD = 0.25; // of the height: what was read last stays in sight above the first unread message

const STATE_TEXT = {
  pending: () => "Sending…",
  waiting: (/** @type {string} */ problem) => `Not sent yet. ${problem} Trying again…`,
  refused: (/** @type {string} */ problem) => `Not sent. ${problem}`,
};
const HELD_TEXT = "Not sent yet. Log in again: then it is sent.";

/**
 * Show the times and days of messages on a page that does not change.
 *
 * @param {HTMLElement} list
 */
export function showLocalTimes(list) {
  localise(list);
  separateDays(list);
  groupMessages(list);
}

/** The messages of a live room. At the end, new messages scroll into view; anywhere else, they move nothing. */
export class MessageList {
  /** @type {(message: OutgoingMessage) => void} */
  onRetry = () => {};
  onMove = () => {};
  #scroll;
  #list;
  #outgoing;
  #jump;
  #olderLine;
  #room;
  #outbox;
  #sender;
  #fetchOlder;
  #window;
  #isLoading = false;
  #hasOlder;
  #isAtEnd = true;
  #top = 0;
  #height = 0;
  #seen = 0;

  /**
   * @param {HTMLElement} conversation
   * @param {object} parts
   * @param {Room} parts.room
   * @param {Outbox} parts.outbox
   * @param {Pick<Sender, "isStopped">} parts.sender
   * @param {AbortSignal} parts.signal ends it
   * @param {number} parts.readUpTo the version up to which the user had read the room; Infinity when all of it
   * @param {(before: number) => Promise<boolean>} parts.fetchOlder adds to the room; resolves to whether there are more
   */
  constructor(conversation, { room, outbox, sender, signal, readUpTo, fetchOlder }) {
    this.#scroll = find(conversation, ".scroll");
    this.#list = find(conversation, ".messages");
    this.#outgoing = find(conversation, ".outgoing");
    this.#jump = find(conversation, ".jump");
    this.#olderLine = find(conversation, ".older");
    this.#room = room;
    this.#outbox = outbox;
    this.#sender = sender;
    this.#fetchOlder = fetchOlder;
    this.#hasOlder = !this.#olderLine.hidden;
    showLocalTimes(this.#list);
    this.#window = new MessageWindow(this.#list, room, readUpTo);
    this.#toSought() || this.#toUnread();
    this.#scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#olderLine.addEventListener("click", (event) => {
      event.preventDefault();
      this.#loadOlder();
    });
    find(this.#jump, "button").addEventListener("click", () => this.toEnd());
    this.#outgoing.addEventListener("click", ({ target }) => target instanceof Element && this.#clicked(target));
    const size = new ResizeObserver(() => this.#isAtEnd && this.#scrollToEnd());
    size.observe(this.#scroll);
    size.observe(this.#list);
    signal.addEventListener("abort", () => size.disconnect());
  }

  /** The messages. */
  get element() {
    return this.#list;
  }

  /** Bring the message that was asked for into view. */
  #toSought() {
    const item = this.#list.querySelector(".sought");
    if (item !== null) this.#bringIntoView(item);
    return item !== null;
  }

  /** Bring the first unread message into view; without one, the newest. */
  #toUnread() {
    const line = this.#window.unreadLine;
    if (line !== null) this.#bringIntoView(line);
  }

  /** @param {Element} item */
  #bringIntoView(item) {
    const { top } = this.#scroll.getBoundingClientRect();
    this.#seen = this.#window.last;
    this.#scroll.scrollTop += item.getBoundingClientRect().top - top - this.#scroll.clientHeight * ABOVE_UNREAD;
    this.#top = this.#scroll.scrollTop;
    this.#setAtEnd(this.#distanceToEnd() < END_PX);
  }

  #distanceToEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroll;
    return scrollHeight - clientHeight - scrollTop;
  }

  toEnd() {
    this.#setAtEnd(true);
    this.onMove();
  }

  render() {
    this.#window.refresh();
    if (this.#isAtEnd) {
      this.#window.toNewest();
      this.#seen = this.#window.last;
    }
    this.#renderOutgoing();
    find(this.#scroll, ".start").hidden = !this.#window.isEmpty;
    this.#renderLinks();
    if (this.#isAtEnd) this.#scrollToEnd();
  }

  #scrollToEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#top = this.#scroll.scrollTop; // a smaller value in the next scroll event is the user's doing
    this.#height = this.#scroll.scrollHeight; // unless this is smaller, too
  }

  /** Links to messages that are not in the document. */
  #renderLinks() {
    this.#olderLine.hidden = !this.#hasOlder && !this.#window.hasAbove;
    this.#outgoing.hidden = this.#window.hasBelow;
    this.#jump.hidden = this.#isAtEnd;
    const hasUnseen = (this.#room.messages?.at(-1)?.id ?? 0) > this.#seen;
    this.#jump.classList.toggle("unseen", hasUnseen);
    write(find(this.#jump, "button"), hasUnseen ? "New messages below" : "Newest messages");
  }

  /**
   * Screen readers announce new messages only while the end is in sight.
   *
   * @param {boolean} isAtEnd
   */
  #setAtEnd(isAtEnd) {
    this.#isAtEnd = isAtEnd;
    this.#scroll.setAttribute("aria-live", isAtEnd ? "polite" : "off");
  }

  #scrolled() {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroll;
    const rest = this.#distanceToEnd();
    const move = scrollTop - this.#top; // upwards by however little: the reader is not pulled back to the end
    const isShorter = scrollHeight < this.#height; // as when a menu was closed
    this.#top = scrollTop;
    this.#height = scrollHeight;
    const isKept = this.#isAtEnd && (move >= 0 || isShorter); // the end itself moved
    const isNear = rest < END_PX || isKept || (move > 0 && rest < NEAR_PX);
    const hasMore = !this.#isAtEnd && this.#window.hasBelow;
    if (isNear !== this.#isAtEnd && !hasMore) {
      this.#setAtEnd(isNear);
      this.onMove();
    }
    if (this.#isAtEnd) return;
    if (scrollTop < clientHeight) this.#loadOlder();
    else if (rest < clientHeight && hasMore) this.#withoutMoving(this.#window.lastItem, () => this.#window.moveDown());
  }

  async #loadOlder() {
    if (this.#isLoading || this.#olderLine.hidden) return;
    this.#isLoading = true;
    const link = find(this.#olderLine, "a");
    try {
      if (!this.#window.hasAbove) this.#hasOlder = await this.#fetchOlder(this.#window.first);
      link.textContent = "Older messages";
      this.#withoutMoving(this.#window.firstItem, () => this.#window.moveUp());
    } catch {
      link.textContent = "Older messages: no answer, try again";
    } finally {
      this.#isLoading = false;
    }
  }

  /**
   * Make a change, then scroll so that the end of `item` stays in place: its name goes where a message of the same
   * author comes before it.
   *
   * @param {HTMLElement | null} item
   * @param {() => void} change
   */
  #withoutMoving(item, change) {
    const end = () => item?.getBoundingClientRect().bottom ?? 0;
    const before = end();
    change();
    this.#renderLinks();
    this.#scroll.scrollTop += end() - before;
  }

  #renderOutgoing() {
    const items = new Map(itemsOf(this.#outgoing).map((item) => [item.dataset.key, item]));
    const messages = this.#outbox.of(this.#room.id);
    for (const [key, item] of items) if (!messages.some((message) => message.key === key)) item.remove();
    for (const message of messages) {
      const item = items.get(message.key) ?? this.#outgoing.appendChild(outgoingItem(message));
      const isHeld = this.#sender.isStopped && message.state !== "refused";
      item.dataset.state = message.state;
      write(find(item, ".state"), isHeld ? HELD_TEXT : STATE_TEXT[message.state](message.problem));
      find(item, ".failed-actions").hidden = message.state === "pending" && !isHeld;
      find(item, ".retry").hidden = this.#sender.isStopped;
    }
  }

  /** @param {Element} target */
  #clicked(target) {
    const item = /** @type {HTMLElement | null} */ (target.closest(".outgoing-message"));
    const message = this.#outbox.of(this.#room.id).find((other) => other.key === item?.dataset.key);
    if (message === undefined) return;
    if (target.matches(".retry")) this.onRetry(message);
    if (target.matches(".discard")) {
      this.#outbox.remove(message);
      this.render();
    }
  }
}
