/**
 * Previews of messages, in lists. api/pages/text.py has the same rules.
 *
 * @import { Room } from "./shapes.js"
 */

const MAX_PREVIEW = 120; // code points

/** What belongs to the character before it: combining marks, joiners, skin tones, tags. */
const EXTENDS = /^(?:\p{M}|\u200d|[\u{1f3fb}-\u{1f3ff}]|[\u{e0020}-\u{e007f}])$/u;
const JOINER = "\u200d";
const FLAG_LETTER = /^[\u{1f1e6}-\u{1f1ff}]$/u;

/**
 * The beginning of a message, never cut inside what a reader sees as one character.
 *
 * @param {string} text
 */
export function preview(text) {
  const points = [...text];
  if (points.length <= MAX_PREVIEW) return text;
  let end = MAX_PREVIEW - 1;
  while (end > 0 && isInsideCharacter(points, end)) end -= 1;
  return `${points.slice(0, end).join("")}…`;
}

/**
 * What a room is called on the pages of a user: a direct conversation by the names of the other people.
 *
 * @param {Pick<Room, "name" | "people">} room
 * @param {number} me
 */
export function titleOf({ name, people }, me) {
  if (people === undefined) return name;
  return people.filter(({ id }) => id !== me).map(({ username }) => username).join(", ");
}

/**
 * @param {string[]} points
 * @param {number} at
 */
function isInsideCharacter(points, at) {
  if (EXTENDS.test(points[at]) || points[at - 1] === JOINER) return true;
  return FLAG_LETTER.test(points[at]) && countFlagLetters(points, at) % 2 === 1;
}

/**
 * Flag letters directly before `at`: two make a flag.
 *
 * @param {string[]} points
 * @param {number} at
 */
function countFlagLetters(points, at) {
  let count = 0;
  while (FLAG_LETTER.test(points[at - 1 - count] ?? "")) count += 1;
  return count;
}
