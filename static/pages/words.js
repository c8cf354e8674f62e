/** Times and numbers in the words and the zone of whoever reads. */

const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

const days = new Map();

/** Formatting costs, and a page has few hours but many messages: each hour is asked for once (zones differ by quarters). */
export function day(timestamp) {
  const quarter = timestamp.slice(0, 14) + Math.floor(Number(timestamp.slice(14, 16)) / 15);
  if (!days.has(quarter)) days.set(quarter, DAY.format(new Date(timestamp)));
  return days.get(quarter);
}

export const clock = (timestamp) => CLOCK.format(new Date(timestamp));
export const count = (number) => (number > 99 ? "99+" : String(number));
export const members = (number) => (number === 1 ? "member" : "members");

/** Make `text` what `element` says. Even the same text, written again, would be laid out again. */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Write every time under `root` in the reader's own zone: the server knows UTC only. */
export function localise(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    time.textContent = "whole" in time.dataset ? `${day(time.dateTime)}, ${clock(time.dateTime)}` : clock(time.dateTime);
  }
}

/** Put a separator before the first message of each day, and nowhere else. */
export function separateDays(list) {
  for (const separator of list.querySelectorAll(":scope > .day")) separator.remove();
  let before = null;
  for (const item of list.querySelectorAll(":scope > .message")) {
    const today = day(item.querySelector("time").dateTime);
    if (today !== before) item.before(separator(today));
    before = today;
  }
}

export function separator(text) {
  const item = document.createElement("li");
  item.className = "day";
  const words = document.createElement("span");
  words.textContent = text;
  item.append(words);
  return item;
}
