import { markupReader, plainReader } from "../onrecord/markup/tree.js";
import { preview } from "../onrecord/text.js";

/**
 * @import { MarkupNode } from "../onrecord/markup/tree.js"
 * @import { LastMessage } from "../onrecord/shapes.js"
 */

const read = markupReader(globalThis.MarkdownIt);
const plain = plainReader(read);

/**
 * A message's text as its readers see it. Elements are made one by one: no text is ever read as HTML.
 *
 * @param {string} text
 */
export const withMarkup = (text) => read(text).map(node);

/** @param {MarkupNode} from */
function node(from) {
  if (typeof from === "string") return document.createTextNode(from);
  const element = document.createElement(from.tag);
  for (const [name, value] of Object.entries(from.attributes)) element.setAttribute(name, value);
  element.append(...from.children.map(node));
  return element;
}

/**
 * What lists show of a message.
 *
 * @param {LastMessage} message
 */
export function lastWords({ content, erased, retracted }) {
  if (erased !== undefined) return "(erased)";
  if (retracted !== undefined) return "(retracted)";
  return content === "" ? "(files)" : preview(plain(content));
}
