/** @import { UserStore } from "../../onrecord/user-store.js" */

const NAME = "notify";
const WITH_WORDS = "notify-words";

/** @typedef {"off" | "calls" | "all"} Choice Notified of nothing, of mentions and direct messages, of all messages. */

/** What the user wants to be notified of, in this browser. It lasts while the browser lets the site notify. */
export class NotifyChoice {
  #store;

  /** @param {UserStore} store */
  constructor(store) {
    this.#store = store;
  }

  /** Whether the browser has notifications at all. */
  get isPossible() {
    return "Notification" in globalThis;
  }

  get isRefused() {
    return this.isPossible && Notification.permission === "denied";
  }

  /** @returns {Choice} */
  get now() {
    const chosen = this.#store.get(NAME);
    const isAllowed = this.isPossible && Notification.permission === "granted";
    return isAllowed && (chosen === "calls" || chosen === "all") ? chosen : "off";
  }

  /** Whether notifications show what was said, for all to read who see the screen: not unless the user wants it. */
  get isWithWords() {
    return this.#store.get(WITH_WORDS) === "yes";
  }

  set isWithWords(isWanted) {
    this.#store.set(WITH_WORDS, isWanted ? "yes" : "no");
  }

  /**
   * Browsers ask the user only when this follows a click.
   *
   * @param {Choice} choice
   */
  async choose(choice) {
    if (choice !== "off" && Notification.permission === "default") await Notification.requestPermission();
    this.#store.set(NAME, choice);
  }
}
