/**
 * Message text as pages show it. api/pages/text.py has the same rules.
 *
 * @import { LastMessage } from "./shapes.js"
 */

const SEPARATORS = "[><\uff5c]"; // what ends an address, as linkify-it's expressions spell it

/** What also ends one: typographic quotes, the ellipsis, and the punctuation of Chinese, Japanese and Korean. */
const MORE_SEPARATORS =
  "\u2018-\u201f\u2026\u3001-\u3003\u3008-\u3011\u3014-\u301f" +
  "\uff01\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3b\uff3d\uff5b\uff5d\uff5f-\uff65";

/** @typedef {{ text: string, href: string | null }} TextPart */

/**
 * A function that splits text into parts, those that are http or https addresses with an `href`. No other scheme, no
 * bare domain and no e-mail address becomes a link.
 *
 * @param {typeof import("linkify-it").default} LinkifyIt
 * @returns {(text: string) => TextPart[]}
 */
export function linkFinder(LinkifyIt) {
  class Linkifier extends LinkifyIt {
    /** @override */
    onCompile() {
      const expressions = /** @type {Record<string, any>} */ (this.re); // strings until they are compiled
      expressions.src_path = expressions.src_path.replaceAll(SEPARATORS, `[><\uff5c${MORE_SEPARATORS}]`);
    }
  }
  const linkifier = new Linkifier({}, { fuzzyLink: false, fuzzyEmail: false });
  for (const scheme of ["ftp:", "mailto:", "//"]) linkifier.add(scheme, null);
  return (text) => split(text, linkifier.match(text) ?? []);
}

/**
 * @param {string} text
 * @param {{ index: number, lastIndex: number, url: string }[]} links
 */
function split(text, links) {
  /** @type {TextPart[]} */
  const parts = [];
  let end = 0;
  for (const { index, lastIndex, url } of links) {
    if (index > end) parts.push({ text: text.slice(end, index), href: null });
    parts.push({ text: url, href: url });
    end = lastIndex;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}

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
 * What a list of rooms shows of its last message.
 *
 * @param {LastMessage} message
 */
export const lastWords = ({ content, erased }) => (erased === undefined ? preview(content) : "(erased)");

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
