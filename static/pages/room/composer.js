import { number } from "../../onrecord/format.js";
import { find, write } from "../dom.js";
import { quote } from "./quote.js";

/**
 * @import { Drafts } from "../../onrecord/drafts.js"
 * @import { AttachedFile } from "../../onrecord/uploads.js"
 * @import { FilePicker } from "./file-picker.js"
 * @import { Message } from "../../onrecord/shapes.js"
 */

const NEARLY = 0.9; // of the limit: from here on, characters are counted
const COMPOSING = 229; // Safari: the Enter that ends a composition comes with this key code and without isComposing

/**
 * The form that a message is written in, a reply too, and in which one's own is edited. What was typed is kept until it
 * is sent, and never cut; what is typed while editing takes no other text's place.
 */
export class Composer {
  /** The arrow upwards was pressed with nothing typed. */
  onUp = () => {};
  /** Something was typed that is going to be a message. */
  onType = () => {};
  /** @type {{ message: Message, isEdit: boolean } | null} */
  #about = null;
  #mode;
  #onEdit;
  #files;
  #form;
  #field;
  #length;
  #roomId;
  #drafts;
  #onSubmit;
  #limit;
  /** Where fingers type, Enter has no Shift to go with: there it makes a new line. */
  #isTouched = matchMedia("(pointer: coarse)");

  /**
   * @param {HTMLFormElement} form
   * @param {object} parts
   * @param {string} parts.roomId
   * @param {Drafts} parts.drafts
   * @param {FilePicker} parts.files what the message brings along
   * @param {(content: string, replyTo: number | undefined, files: AttachedFile[]) => void} parts.onSubmit has the
   *   message in a safe place when it returns
   * @param {(message: Message, content: string) => Promise<boolean>} parts.onEdit resolves to whether it is recorded
   */
  constructor(form, { roomId, drafts, files, onSubmit, onEdit }) {
    this.#files = files;
    this.#form = form;
    this.#mode = find(form, ".mode");
    this.#onEdit = onEdit;
    find(form, ".cancel").addEventListener("click", () => this.cancel());
    this.#field = find(form, "textarea", HTMLTextAreaElement);
    this.#length = find(form, ".length");
    this.#limit = Number(this.#field.dataset.limit);
    this.#roomId = roomId;
    this.#drafts = drafts;
    this.#onSubmit = onSubmit;
    if (this.#field.value === "") this.#field.value = drafts.read(roomId);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.#field.addEventListener("input", () => {
      this.#changed();
      if (!this.#about?.isEdit && this.#field.value.trim() !== "") this.onType();
    });
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "ArrowUp" && this.#field.value === "" && this.#about === null) {
        event.preventDefault();
        this.onUp();
        return;
      }
      if (!this.#isEnterToSend(event)) return;
      event.preventDefault();
      form.requestSubmit();
    });
    this.#changed();
    if (matchMedia("(min-width: 48rem)").matches) this.focus();
  }

  focus() {
    this.#field.focus();
  }

  /** @param {boolean} isEnabled */
  update(isEnabled) {
    find(this.#form, ".unsafe").hidden = this.#drafts.isSafe;
    this.#field.disabled = !isEnabled;
    this.#files.update(isEnabled);
    find(this.#form, ".send", HTMLButtonElement).disabled = !isEnabled;
  }

  /** Whether a message is edited or replied to. */
  get isAboutMessage() {
    return this.#about !== null;
  }

  /** What is sent next answers a message. @param {Message} message */
  reply(message) {
    if (this.#about?.isEdit) this.cancel();
    this.#setAbout({ message, isEdit: false });
    this.focus();
  }

  /**
   * Give a message other words, in place of what is being written; that comes back afterwards.
   *
   * @param {Message} message
   */
  edit(message) {
    this.#setAbout({ message, isEdit: true });
    this.#field.value = message.content;
    this.#changed();
    this.focus();
  }

  /** Edit or reply to nothing any more. */
  cancel() {
    const wasEdit = this.#about?.isEdit === true;
    this.#setAbout(null);
    if (!wasEdit) return;
    this.#field.value = this.#drafts.read(this.#roomId);
    this.#changed();
  }

  /** @param {{ message: Message, isEdit: boolean } | null} about */
  #setAbout(about) {
    this.#about = about;
    this.#mode.hidden = about === null;
    const text = find(this.#mode, ".mode-text");
    if (about === null || about.isEdit) write(text, "Editing your message");
    else text.replaceChildren("Replying to ", ...quote(about.message));
    write(find(this.#form, ".send"), about?.isEdit ? "Save" : "Send");
  }

  /**
   * Another window of this user changed the draft: follow, unless other words were typed here.
   *
   * @param {string} before
   */
  follow(before) {
    if (this.#about?.isEdit || this.#field.value !== before) return;
    this.#field.value = this.#drafts.read(this.#roomId);
    this.#changed();
  }

  /** @param {KeyboardEvent} event */
  #isEnterToSend({ key, keyCode, shiftKey, isComposing }) {
    return key === "Enter" && keyCode !== COMPOSING && !isComposing && !shiftKey && !this.#isTouched.matches;
  }

  #submit() {
    const value = this.#field.value.trim() === "" ? "" : this.#field.value;
    if (this.#about?.isEdit) {
      const { message } = this.#about;
      if (value !== "" || message.attachments !== undefined) this.#saveEdit(message, value);
      return;
    }
    if (value === "" && this.#files.isEmpty) return;
    if (!this.#files.areReady) return;
    this.#onSubmit(value, this.#about?.message.id, this.#files.take());
    this.#setAbout(null);
    this.#field.value = "";
    this.#changed();
    this.focus();
  }

  /**
   * @param {Message} message
   * @param {string} content
   */
  async #saveEdit(message, content) {
    const isDone = content === message.content || (await this.#onEdit(message, content));
    if (isDone && this.#about?.isEdit && this.#about.message.id === message.id) this.cancel();
    this.focus();
  }

  #changed() {
    const { value } = this.#field;
    if (!this.#about?.isEdit && this.#drafts.read(this.#roomId) !== value) this.#drafts.write(this.#roomId, value);
    find(this.#form, ".unsafe").hidden = this.#drafts.isSafe;
    this.#showLength([...value].length);
  }

  /** A text that is too long is marked and stays; the browser does not submit it. @param {number} length */
  #showLength(length) {
    const excess = length - this.#limit;
    const tooMany = excess > 0 ? `: ${number(excess)} too many` : "";
    const text = `${number(length)} of ${number(this.#limit)} characters${tooMany}`;
    this.#length.hidden = length < this.#limit * NEARLY;
    write(this.#length, this.#length.hidden ? "" : text);
    this.#field.setCustomValidity(excess > 0 ? text : "");
    this.#field.ariaInvalid = excess > 0 ? "true" : null;
  }
}
