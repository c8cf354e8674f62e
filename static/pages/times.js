import { clock, clockWithZone, day, dayAndClock, exactly } from "../onrecord/format.js";
import { find, findAll } from "./dom.js";

/**
 * Show every time under `root` in the reader's time zone: the server knows UTC only.
 *
 * @param {ParentNode} root
 */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    if (!(time instanceof HTMLTimeElement)) continue;
    time.textContent = formatOf(time)(time.dateTime);
    time.title = exactly(time.dateTime);
  }
}

/** @param {HTMLTimeElement} time */
function formatOf({ dataset }) {
  if ("exactly" in dataset) return exactly;
  if ("withZone" in dataset) return clockWithZone;
  return "withDay" in dataset ? dayAndClock : clock;
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
 * @param {string} [items]
 */
export function separateDays(list, items = ".message") {
  for (const item of findAll(list, ":scope > .day")) item.remove();
  let before = null;
  for (const item of findAll(list, `:scope > ${items}`)) {
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

const GROUPED_MS = 5 * 60 * 1000;

/**
 * Messages of one author within five minutes go under one name, unless a line is between them.
 *
 * @param {Element} list
 */
export function groupMessages(list) {
  /** @type {HTMLElement | null} */
  let before = null;
  for (const item of findAll(list, ":scope > *")) {
    const isMessage = item.matches(".message");
    if (isMessage) item.classList.toggle("continued", before !== null && isContinued(item, before));
    before = isMessage ? item : null;
  }
}

/**
 * @param {HTMLElement} item
 * @param {HTMLElement} before
 */
function isContinued(item, before) {
  if (item.dataset.author !== before.dataset.author || item.querySelector(".reply-line") !== null) return false;
  const at = (/** @type {HTMLElement} */ of) => Date.parse(find(of, "time", HTMLTimeElement).dateTime);
  return at(item) - at(before) <= GROUPED_MS;
}
