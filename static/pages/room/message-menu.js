import { find, fromTemplate } from "../dom.js";

/**
 * @import { Message } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
 */

/**
 * What can be done about a message: a menu under the one whose "more" was pressed. Without it, that link leads to the
 * page of the message, which has the same and more.
 */
export class MessageMenu {
  #room;
  #does;
  #maySpeak;
  #mayEdit;
  #menu = fromTemplate("message-menu-template");
  /** @type {HTMLElement | null} */
  #item = null;

  /**
   * @param {HTMLElement} list the messages
   * @param {Room} room
   * @param {object} does
   * @param {(message: Message) => void} does.edit
   * @param {(message: Message) => void} does.reply
   * @param {(message: Message, emoji: string) => void} does.react adds a reaction, or takes it back
   * @param {(message: Message) => void} does.pin or takes it down
   * @param {object} rights
   * @param {() => boolean} rights.maySpeak whether the user may do any of this now; there is only the page of a message
   *   if not
   * @param {(message: Message) => boolean} rights.mayEdit whether the user may edit a message now
   */
  constructor(list, room, does, { maySpeak, mayEdit }) {
    this.#room = room;
    this.#maySpeak = maySpeak;
    this.#mayEdit = mayEdit;
    this.#does = does;
    list.addEventListener("click", (event) => this.#clicked(event));
  }

  get isOpen() {
    return this.#menu.isConnected;
  }

  close() {
    const link = this.#item?.querySelector(".actions");
    this.#menu.remove();
    this.#item?.classList.remove("in-hand");
    this.#item = null;
    if (link instanceof HTMLElement) link.focus();
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const { target, ctrlKey, metaKey, shiftKey } = event;
    if (!(target instanceof Element) || ctrlKey || metaKey || shiftKey) return;
    const item = /** @type {HTMLElement | null} */ (target.closest(".message"));
    const message = this.#room.messages?.find(({ id }) => String(id) === item?.dataset.id);
    const pressed = /** @type {HTMLElement | null} */ (target.closest(".actions, .reaction, button"));
    if (item === null || message === undefined || pressed === null) return;
    if (message.erased !== undefined || message.retracted !== undefined) return; // its page says what is left of it
    if (!this.#maySpeak()) return;
    event.preventDefault();
    if (pressed.matches(".actions")) this.#toggle(item, message);
    else this.#do(pressed, message);
  }

  /**
   * @param {HTMLElement} pressed
   * @param {Message} message
   */
  #do(pressed, message) {
    const { emoji } = pressed.dataset;
    if (this.isOpen) this.close();
    if (emoji !== undefined) this.#does.react(message, emoji);
    else if (pressed.matches(".reply")) this.#does.reply(message);
    else if (pressed.matches(".edit")) this.#does.edit(message);
    else if (pressed.matches(".pin")) this.#does.pin(message);
  }

  /**
   * @param {HTMLElement} item
   * @param {Message} message
   */
  #toggle(item, message) {
    const isSame = item === this.#item;
    if (this.isOpen) this.close();
    if (isSame) return;
    this.#item = item;
    find(this.#menu, ".edit").hidden = !this.#mayEdit(message);
    find(this.#menu, ".pin").textContent = message.pinned === undefined ? "Pin" : "Take down";
    find(this.#menu, ".more", HTMLAnchorElement).href = `/rooms/${this.#room.id}/messages/${message.id}/`;
    item.classList.add("in-hand");
    item.append(this.#menu);
    find(this.#menu, "button").focus();
  }
}
