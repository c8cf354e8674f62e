import { markupReader } from "../onrecord/markup/tree.js";

/** @import { MarkupNode } from "../onrecord/markup/tree.js" */

const read = markupReader(globalThis.MarkdownIt);

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
