/** Message text as HTML, as browsers write the elements that the library makes. */

/** @import { MarkupNode } from "../../static/onrecord/markup/tree.js" */

/** @type {Record<string, string>} */
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\u00a0": "&nbsp;" };

/**
 * @param {MarkupNode[]} nodes
 * @returns {string}
 */
export const html = (nodes) => nodes.map(written).join("");

/** @param {MarkupNode} node */
function written(node) {
  if (typeof node === "string") return escaped(node, /[&<>\u00a0]/g);
  const { tag, attributes, children } = node;
  const pairs = Object.entries(attributes).map(([name, value]) => ` ${name}="${escaped(value, /[&<>"\u00a0]/g)}"`);
  return `<${tag}${pairs.join("")}>${html(children)}</${tag}>`;
}

/**
 * @param {string} text
 * @param {RegExp} what
 */
const escaped = (text, what) => text.replace(what, (character) => ESCAPES[character]);
