import { isolated } from "../dom.js";
import { writeLastWords } from "../markup.js";
import { named } from "../people.js";

/** @import { Message } from "../../onrecord/shapes.js" */

/**
 * Who said a message, and its words on one line.
 *
 * @param {Message} message
 */
export function quote(message) {
  const words = isolated("", { className: "quoted-text" });
  writeLastWords(words, message);
  return [...named(message.user, isolated(message.user.username, { className: "quoted-author" })), ": ", words];
}
