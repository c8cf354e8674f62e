import { clock, day, dayAndClock } from "../onrecord/format.js";
import { find, findAll } from "./dom.js";

/**
 * Show every time under `root` in the reader's time zone: the server knows UTC only.
 *
 * @param {ParentNode} root
 */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    time.textContent = ("withDay" in time.dataset ? dayAndClock : clock)(time.dateTime);
  }
}

/**
 * The day of a message's item, in the reader's time zone.
 *
 * @param {ParentNode} item
 */
export const dayOf = (item) => day(find(item, "time", HTMLTimeElement).dateTime);

/**
 * Put a separator before the first message of each day, and nowhere else.
 *
 * @param {Element} list
 */
export function separateDays(list) {
  for (const item of findAll(list, ":scope > .day")) item.remove();
  let before = null;
  for (const item of findAll(list, ":scope > .message")) {
    const today = dayOf(item);
    if (today !== before) item.before(separator(today));
    before = today;
  }
}

/** @param {string} text */
export function separator(text) {
  const item = document.createElement("li");
  item.className = "day";
  item.append(document.createElement("span"));
  find(item, "span").textContent = text;
  return item;
}
