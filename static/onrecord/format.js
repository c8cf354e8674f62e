/** Numbers and times as pages show them, times in the reader's zone. api/pages/text.py has the same rules, in UTC. */

/** @import { JoinOrLeave, Reaction, Retraction, User } from "./shapes.js" */

const WHOLE = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const TENTHS = new Intl.NumberFormat("en-GB", { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

const MAX_BADGE = 99;

/** Rounded half up: `1,234`. @param {number} value */
export const number = (value) => WHOLE.format(value);

/** With one decimal below ten: `9.5`, `12`. @param {number} value */
export const rate = (value) => (value >= 10 ? WHOLE : TENTHS).format(value);

/** What is unread: `7`, `99+`. @param {number} count */
export const badge = (count) => (count > MAX_BADGE ? `${MAX_BADGE}+` : String(count));

/**
 * `1 member`, `1,234 members`.
 *
 * @param {number} count
 * @param {string} noun in the singular
 */
export const counted = (count, noun) => `${number(count)} ${count === 1 ? noun : `${noun}s`}`;

/**
 * Rounded down: `99 %` until all is done.
 *
 * @param {number} part
 * @param {number} whole
 */
export const percent = (part, whole) => `${whole > 0 ? Math.floor((100 * part) / whole) : 100} %`;

/**
 * A time in its largest unit, rounded down: `45 s`, `12 min`, `5 h`, `3 days`.
 *
 * @param {number} seconds
 */
export function span(seconds) {
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min`;
  return whole < 86_400 ? `${Math.floor(whole / 3600)} h` : counted(Math.floor(whole / 86_400), "day");
}

/** @type {Map<string, string>} */
const days = new Map();

/**
 * `Tuesday, 24 November 2026`. Formatting is slow, and a page has many messages of few hours, so the day of each
 * quarter of an hour is formatted once: time zones differ by quarters.
 *
 * @param {string} timestamp
 */
export function day(timestamp) {
  const quarter = timestamp.slice(0, 14) + Math.floor(Number(timestamp.slice(14, 16)) / 15);
  let text = days.get(quarter);
  if (text === undefined) {
    const parts = DAY.formatToParts(new Date(timestamp)).map(({ type, value }) => [type, value]);
    const on = Object.fromEntries(parts);
    text = `${on.weekday}, ${on.day} ${on.month} ${on.year}`;
    days.set(quarter, text);
  }
  return text;
}

/** `08:50`. @param {string} timestamp */
export const clock = (timestamp) => CLOCK.format(new Date(timestamp));

/** `08:50:07`. @param {string} timestamp */
export const clockWithSeconds = (timestamp) => SECONDS.format(new Date(timestamp));

/** `Tuesday, 24 November 2026, 08:50`. @param {string} timestamp */
export const dayAndClock = (timestamp) => `${day(timestamp)}, ${clock(timestamp)}`;

/** `08:50:07 GMT+1`. @param {string} timestamp */
export const clockWithZone = (timestamp) => `${clockWithSeconds(timestamp)} ${zoneAt(timestamp)}`;

/** `Tuesday, 24 November 2026, 08:50:07 GMT+1`. @param {string} timestamp */
export const exactly = (timestamp) => `${day(timestamp)}, ${clockWithZone(timestamp)}`;

/** @type {Map<string, string>} */
const zones = new Map();

/** Formatting is slow: each day's zone is formatted once for each hour. @param {string} timestamp */
function zoneAt(timestamp) {
  const hour = timestamp.slice(0, 13);
  let zone = zones.get(hour);
  if (zone === undefined) {
    zone = ZONE.formatToParts(new Date(timestamp)).find(({ type }) => type === "timeZoneName")?.value ?? "";
    zones.set(hour, zone);
  }
  return zone;
}

/** The first letters of the first two words of a name: `ada.lovelace` is `AL`. @param {string} username */
export function initials(username) {
  const words = username.split(/[^\p{L}\p{M}\p{N}]/u).filter((word) => word !== "");
  return words.slice(0, 2).map((word) => [...word][0]).join("").toUpperCase() || "?";
}

/**
 * What stands in the place of erased words: `Erased on Tuesday, 24 November 2026, 08:50: asked for in a letter`.
 *
 * @param {string | null} at
 * @param {string} why
 */
export const erasedNote = (at, why) => (at === null ? why : `Erased on ${dayAndClock(at)}: ${why || "no reason kept"}`);

/**
 * What stands in the place of retracted words: `Retracted by ada on Tuesday, 24 November 2026, 08:50: by mistake`.
 *
 * @param {Retraction} retraction
 */
export const retractedNote = ({ at, by, why }) =>
  `Retracted by ${withKind(by)} on ${dayAndClock(at)}${why === "" ? "" : `: ${why}`}`;

/**
 * Who reacted: `ada, bob and 3 others`.
 *
 * @param {Reaction} reaction
 */
export function reacted({ users, count }) {
  const names = users.map(withKind).join(", ");
  const others = count - users.length;
  return others > 0 ? `${names} and ${counted(others, "other")}` : names;
}

const MOST_NAMED = 4; // of those who joined, or left, without a message between
const MOST_TOLD = 3; // joins and leaves of one person that are told one by one

/**
 * A run of joins and leaves on one line, as people and what they did: `ada, bob` and `joined`, `eve` and `left`. Each
 * is named once, with those who did the same; of many, the first.
 *
 * @param {JoinOrLeave[]} run
 * @returns {{ users: User[], told: string }[]}
 */
export function joinedAndLeft(run) {
  /** @type {Map<number, { user: User, steps: string[] }>} */
  const ofEach = new Map();
  for (const { user, step } of run) ofEach.set(user.id, { user, steps: [...(ofEach.get(user.id)?.steps ?? []), step] });
  /** @type {Map<string, User[]>} */
  const alike = new Map();
  for (const { user, steps } of ofEach.values()) {
    const told = whatWasDone(steps);
    alike.set(told, [...(alike.get(told) ?? []), user]);
  }
  return [...alike].map(([told, people]) => {
    const users = people.length > MOST_NAMED ? people.slice(0, MOST_NAMED - 1) : people;
    const others = people.length - users.length;
    const rest = others === 0 ? "" : `and ${counted(others, "other")} `;
    return { users, told: rest + told.replaceAll("removed", people.length === 1 ? "was removed" : "were removed") };
  });
}

/**
 * What one person did: `left and joined again`.
 *
 * @param {string[]} steps
 */
function whatWasDone(steps) {
  if (steps.length > MOST_TOLD) return "joined and left several times";
  const last = steps[steps.length - 1];
  const isAgain = steps.length > 1 && (last === "joined" || steps.indexOf(last) < steps.length - 1);
  return steps.join(", ").replace(/, (?=\w+$)/, " and ") + (isAgain ? " again" : "");
}

/** @param {User} user */
const withKind = ({ username, kind }) => (kind === undefined ? username : `${username} (${kind})`);
