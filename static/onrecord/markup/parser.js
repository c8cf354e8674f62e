/**
 * The markup of messages as markdown-it's tokens. api/pages/markup/parser.py has the same rules.
 *
 * @import { Token, StateBlock, StateInline, Ruler } from "markdown-it"
 */

import { addressFinder } from "./links.js";

/** @typedef {typeof import("markdown-it").default} MarkdownItClass */
/** @typedef {(state: StateBlock, line: number, end: number, silent: boolean) => boolean} BlockRule */
/** @typedef {(state: StateInline, silent: boolean) => boolean} InlineRule */

/**
 * How deep quotes and lists may lie in each other: eight quotes, or four lists, which count twice. Deeper, their marks
 * stay text.
 */
const MAX_LEVEL = 8;

const SPACE = /[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]/;
const WORD = /[0-9A-Za-z]/;

const QUOTE = /^>/;
const FENCE = /^```/;
/** The first line of a list. A lone mark is text, and so are `+ 1` and `1) `, which would not look as typed. */
const LIST = /^(?:[-*]|(?:0|[1-9][0-9]{0,8})\.)[ \t]+[^ \t]/;

/**
 * A function that gives the blocks of a text in order; the children of `inline` tokens are what is in a line.
 *
 * @param {MarkdownItClass} MarkdownIt
 * @returns {(text: string) => Token[]}
 */
export function parserOf(MarkdownIt) {
  const parser = new MarkdownIt("zero");
  const library = new MarkdownIt();
  const blocks = parser.block.ruler;
  const inline = parser.inline.ruler;
  /** @param {string} name */
  const blockRule = (name) => /** @type {BlockRule} */ (rule(library.block.ruler, name));
  parser.enable(["fence", "blockquote", "list", "backticks", "emphasis"]);
  const interrupts = { alt: ["paragraph", "blockquote", "list"] };
  blocks.at("fence", only(blockRule("fence"), FENCE, 1), interrupts);
  blocks.at("blockquote", only(blockRule("blockquote"), QUOTE), interrupts);
  blocks.at("list", only(blockRule("list"), LIST), { alt: ["paragraph", "blockquote"] });
  blocks.at("paragraph", wholeParagraph(blockRule("paragraph")));
  blocks.before("fence", "end_of_block", endsBlock, { alt: ["paragraph", "blockquote"] });
  inline.at("backticks", wholeCode(/** @type {InlineRule} */ (rule(library.inline.ruler, "backticks"))));
  inline.at("emphasis", stars);
  inline.before("backticks", "address", addressRule(addressFinder(/** @type {any} */ (library.linkify.constructor))));
  return (text) => parser.parse(text, new Map());
}

/**
 * The library's own rule of this name.
 *
 * @param {Ruler<any>} ruler that nothing else uses
 * @param {string} name
 */
function rule(ruler, name) {
  ruler.enableOnly([name]);
  return ruler.getRules("")[0];
}

/**
 * `apply` for lines that begin like this, have so many after them in the message, and do not lie too deep.
 *
 * @param {BlockRule} apply
 * @param {RegExp} beginning
 * @param {number} [spareLines]
 * @returns {BlockRule}
 */
function only(apply, beginning, spareLines = 0) {
  return (state, line, end, silent) => {
    const fits = state.level < MAX_LEVEL && line + spareLines < state.bMarks.length - 1;
    const text = state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]);
    return fits && beginning.test(text) && apply(state, line, end, silent);
  };
}

/**
 * A quote ends before a line without `>`, an item before one that is not indented: those are the answer to it.
 *
 * @type {BlockRule}
 */
function endsBlock(state, line, _end, silent) {
  return silent && (state.parentType === "blockquote" || state.sCount[line] < state.blkIndent);
}

/**
 * A paragraph with all its white space.
 *
 * @param {BlockRule} paragraph
 * @returns {BlockRule}
 */
function wholeParagraph(paragraph) {
  return (state, line, end, silent) => {
    const found = paragraph(state, line, end, silent);
    state.tokens[state.tokens.length - 2].content = state.getLines(line, state.line, state.blkIndent, false);
    return found;
  };
}

/**
 * Code with its line breaks. One space at either side is for code that begins or ends with a backtick.
 *
 * @param {InlineRule} backticks
 * @returns {InlineRule}
 */
function wholeCode(backticks) {
  return (state, silent) => {
    const start = state.pos;
    const count = state.tokens.length;
    if (!backticks(state, silent)) return false;
    const token = state.tokens.length > count ? state.tokens[state.tokens.length - 1] : null;
    if (token?.type === "code_inline") {
      const width = token.markup.length;
      const code = state.src.slice(start + width, state.pos - width);
      const isSpaced = code.startsWith(" ") && code.endsWith(" ") && /[^ ]/.test(code);
      token.content = isSpaced ? code.slice(1, -1) : code;
    }
    return true;
  };
}

/**
 * A star opens an emphasis before a non-space and closes one after it, but not inside `2*3*4` or `a**b`.
 *
 * @type {InlineRule}
 */
function stars(state, silent) {
  const start = state.pos;
  let end = start;
  if (silent || state.src[start] !== "*") return false;
  while (end < state.posMax && state.src[end] === "*") end += 1;
  const before = state.src[start - 1] ?? "";
  const after = state.src[end] ?? "";
  const isInWord = WORD.test(before) && WORD.test(after);
  const open = !isInWord && after !== "" && !SPACE.test(after);
  const close = !isInWord && before !== "" && !SPACE.test(before);
  for (let at = start; at < end; at += 1) {
    state.push("text", "", 0).content = "*";
    const token = state.tokens.length - 1;
    state.delimiters.push({ marker: "*".charCodeAt(0), length: end - start, token, end: -1, open, close });
  }
  state.pos = end;
  return true;
}

/**
 * An http or https address, from its colon: `text` has taken the scheme.
 *
 * @param {(text: string) => Map<number, string>} addresses
 * @returns {InlineRule}
 */
function addressRule(addresses) {
  return (state) => {
    const { src, pos, env } = state;
    if (!src.startsWith("://", pos)) return false;
    if (!env.has(src)) env.set(src, addresses(src));
    for (const width of ["http".length, "https".length]) {
      const url = env.get(src).get(pos - width);
      if (url !== undefined) {
        state.pending = state.pending.slice(0, -width);
        state.push("link_open", "a", 1).attrSet("href", url);
        state.push("text", "", 0).content = url;
        state.push("link_close", "a", -1);
        state.pos += url.length - width;
        return true;
      }
    }
    return false;
  };
}
