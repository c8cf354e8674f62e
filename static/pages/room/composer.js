import { number } from "../../onrecord/format.js";
import { find, write } from "../dom.js";

/** @import { Drafts } from "../../onrecord/drafts.js" */

const NEARLY = 0.9; // of the limit: from here on, characters are counted
const COMPOSING = 229; // Safari: the Enter that ends a composition comes with this key code and without isComposing

/** The form that a message is written in. What was typed is kept until it is sent, and never cut. */
export class Composer {
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
   * @param {(content: string) => void} parts.onSubmit has the message in a safe place when it returns
   */
  constructor(form, { roomId, drafts, onSubmit }) {
    this.#form = form;
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
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => {
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
    find(this.#form, "button", HTMLButtonElement).disabled = !isEnabled;
  }

  /**
   * Another window of this user changed the draft: follow, unless other words were typed here.
   *
   * @param {string} before
   */
  follow(before) {
    if (this.#field.value !== before) return;
    this.#field.value = this.#drafts.read(this.#roomId);
    this.#changed();
  }

  /** @param {KeyboardEvent} event */
  #isEnterToSend({ key, keyCode, shiftKey, isComposing }) {
    return key === "Enter" && keyCode !== COMPOSING && !isComposing && !shiftKey && !this.#isTouched.matches;
  }

  #submit() {
    const { value } = this.#field;
    if (value.trim() === "") return;
    this.#onSubmit(value);
    this.#field.value = "";
    this.#changed();
    this.focus();
  }

  #changed() {
    const { value } = this.#field;
    if (this.#drafts.read(this.#roomId) !== value) this.#drafts.write(this.#roomId, value);
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
