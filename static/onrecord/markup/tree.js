/**
 * Messages as elements, apart from any document. api/pages/markup/html.py makes the same ones.
 *
 * @import { Token } from "markdown-it"
 * @import { MarkdownItClass } from "./parser.js"
 */

import { parserOf } from "./parser.js";

/** @typedef {{ tag: string, attributes: Record<string, string>, children: MarkupNode[] }} MarkupElement */
/** @typedef {MarkupElement | string} MarkupNode */

const MAX_EMPHASES = 8; // how many may lie in each other; deeper, their stars stay text

/** Of a link, which leads where its text says. */
const OUT_OF_HERE = { rel: "noopener noreferrer nofollow", target: "_blank" };

/**
 * A function that gives what a message's readers see of its text.
 *
 * @param {MarkdownItClass} MarkdownIt
 * @returns {(text: string) => MarkupNode[]}
 */
export function markupReader(MarkdownIt) {
  const parse = parserOf(MarkdownIt);
  return (text) => {
    const root = element("div");
    addBlocks(new Place(root), parse(text));
    return root.children;
  };
}

const PLAIN_FROM = 400; // characters of a message give its plain beginning
const BLOCKS = ["blockquote", "li", "p", "pre"];

/**
 * A function that gives the words of a text on one line, without its marks: for lists, where only the beginning of a
 * message is shown.
 *
 * @param {(text: string) => MarkupNode[]} read
 * @returns {(text: string) => string}
 */
export function plainReader(read) {
  return (text) => {
    const beginning = [...text.slice(0, 2 * PLAIN_FROM)].slice(0, PLAIN_FROM).join("");
    return read(beginning).map(words).join("").replace(/[ \t\n]+/g, " ").replace(/^ | $/g, "");
  };
}

/**
 * @param {MarkupNode} node
 * @returns {string}
 */
function words(node) {
  if (typeof node === "string") return node;
  return node.children.map(words).join("") + (BLOCKS.includes(node.tag) ? " " : "");
}

/** Where the next node goes: into the innermost element that is open. */
class Place {
  /** @param {MarkupElement} root */
  constructor(root) {
    /** @private */
    this.open = [root];
  }

  /** @param {MarkupElement} child */
  add(child) {
    this.open[this.open.length - 1].children.push(child);
  }

  /**
   * Text next to text is one text, as where a browser has read HTML.
   *
   * @param {string} text
   */
  addText(text) {
    const { children } = this.open[this.open.length - 1];
    const last = children[children.length - 1];
    if (typeof last === "string") children[children.length - 1] = last + text;
    else if (text !== "") children.push(text);
  }

  /**
   * The tag of `token`: an element begins or ends.
   *
   * @param {Token} token
   * @param {Record<string, string>} [attributes]
   */
  tag({ tag, nesting }, attributes) {
    if (nesting === -1) {
      this.open.pop();
      return;
    }
    const begun = element(tag, attributes);
    this.add(begun);
    this.open.push(begun);
  }
}

/**
 * @param {Place} place
 * @param {Token[]} tokens
 */
function addBlocks(place, tokens) {
  for (const token of tokens) {
    if (token.type === "inline") addLine(place, token.children ?? []);
    else if (token.type === "fence") addCode(place, token);
    else if (!token.hidden) place.tag(token, token.info === "" ? {} : { value: String(Number(token.info)) });
  }
}

/**
 * @param {Place} place
 * @param {Token} fence
 */
function addCode(place, { info, content }) {
  const language = info.replace(/^[ \t]+|[ \t]+$/g, "");
  if (language !== "") place.add(element("p", { class: "language" }, language));
  place.add(element("pre", { tabindex: "0" }, element("code", {}, content.replace(/\n$/, ""))));
}

/**
 * @param {Place} place
 * @param {Token[]} children
 */
function addLine(place, children) {
  let depth = 0;
  for (const token of children) {
    if (token.type === "text") place.addText(token.content);
    else if (token.type === "code_inline") place.add(element("code", {}, token.content));
    else if (token.tag === "a") place.tag(token, { href: token.attrGet("href") ?? "", ...OUT_OF_HERE });
    else {
      depth += Math.max(token.nesting, 0);
      if (depth <= MAX_EMPHASES) place.tag(token);
      else place.addText(token.markup);
      depth += Math.min(token.nesting, 0);
    }
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string>} [attributes]
 * @param {MarkupNode[]} children
 * @returns {MarkupElement}
 */
function element(tag, attributes = {}, ...children) {
  return { tag, attributes, children: children.filter((child) => child !== "") };
}
