import { badge } from "../../onrecord/format.js";
import { find } from "../dom.js";
import { callsIn } from "./calls.js";

/** @import { Mirror } from "../../onrecord/mirror.js" */

/** The browser's tab: how many messages call the user stands before the title, and is a dot on the icon. */
export class Tab {
  #mirror;
  #title = document.title;
  #icon = find(document, "link[rel=icon]", HTMLLinkElement);
  #plain = this.#icon.href;

  /** @param {Mirror} mirror */
  constructor(mirror) {
    this.#mirror = mirror;
  }

  /** The title of the page, without the number. @param {string} title */
  set title(title) {
    this.#title = title;
    this.render();
  }

  render() {
    const count = callsIn(this.#mirror);
    const title = count > 0 ? `(${badge(count)}) ${this.#title}` : this.#title;
    const icon = count > 0 ? (this.#icon.dataset.calling ?? this.#plain) : this.#plain;
    if (document.title !== title) document.title = title;
    if (this.#icon.getAttribute("href") !== icon) this.#icon.setAttribute("href", icon);
  }
}
