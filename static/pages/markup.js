import { preview } from "../onrecord/text.js";
import { write } from "./dom.js";

/**
 * @import { MarkupNode } from "../onrecord/markup/tree.js"
 * @import { LastMessage } from "../onrecord/shapes.js"
 */

/** Without any of these, a text is one paragraph: most messages are. The server's rule: api/pages/markup/html.py. */
const NEEDS_READER = /[`*\0\r]|:\/\/|^[ \t]*(?:>|-[ \t]|[0-9]+\.[ \t])|^[ \t]*$/m;

const PLAIN_FROM = 400; // characters of a message give its plain beginning

/** @type {ReturnType<typeof import("./markup-reader.js").readerOf> | null} */
let reader = null;
/** @type {Promise<void> | null} */
let loading = null;
/** What is shown as typed until the reader has come. @type {(() => void)[]} */
let waiting = [];

/** Load what reads markup; where that fails, the next text with markup asks again. */
export function loadReader() {
  loading ??= Promise.all([import("./markup-reader.js"), loadScript()]).then(
    ([{ readerOf }]) => {
      reader = readerOf(globalThis.MarkdownIt);
      const shown = waiting;
      waiting = [];
      for (const showAgain of shown) showAgain();
    },
    () => {
      loading = null;
    },
  );
  return loading;
}

function loadScript() {
  const script = document.createElement("script");
  script.src = document.documentElement.dataset.markdown ?? "";
  document.head.append(script);
  return new Promise((resolve, reject) => {
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
  });
}

/**
 * Whether a text can be read now; what is not is shown as typed, and read when the reader has come.
 *
 * @param {string} text
 * @param {() => void} showAgain
 */
function isReadable(text, showAgain) {
  if (reader !== null || !NEEDS_READER.test(text)) return true;
  waiting.push(showAgain);
  loadReader();
  return false;
}

/**
 * A message's text as its readers see it. Elements are made one by one: no text is ever read as HTML.
 *
 * @param {string} text
 * @returns {Node[]}
 */
export function withMarkup(text) {
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  if (!isReadable(text, () => paragraph.replaceWith(...withMarkup(text)))) return [paragraph];
  return reader !== null && NEEDS_READER.test(text) ? reader.read(text).map(node) : [paragraph];
}

/**
 * @param {MarkupNode} from
 * @returns {Node}
 */
function node(from) {
  if (typeof from === "string") return document.createTextNode(from);
  const element = document.createElement(from.tag);
  for (const [name, value] of Object.entries(from.attributes)) element.setAttribute(name, value);
  element.append(...from.children.map(node));
  return element;
}

/** @param {string} text */
function plain(text) {
  if (reader !== null && NEEDS_READER.test(text)) return reader.plain(text);
  const beginning = [...text.slice(0, 2 * PLAIN_FROM)].slice(0, PLAIN_FROM).join("");
  return beginning.replace(/[ \t\n]+/g, " ").replace(/^ | $/g, "");
}

/**
 * What lists show of a message. Words with markup are as typed while its reader is not loaded.
 *
 * @param {LastMessage} message
 */
export function lastWords({ content, erased, retracted }) {
  if (erased !== undefined) return "(erased)";
  if (retracted !== undefined) return "(retracted)";
  return content === "" ? "(files)" : preview(plain(content));
}

/**
 * Write that into an element.
 *
 * @param {HTMLElement} element
 * @param {LastMessage} message
 */
export function writeLastWords(element, message) {
  const words = lastWords(message);
  write(element, words);
  isReadable(message.content, () => element.textContent === words && write(element, lastWords(message)));
}

/**
 * Wait for what reads this text, as far as it has markup.
 *
 * @param {string} text
 */
export async function readerFor(text) {
  if (NEEDS_READER.test(text)) await loadReader();
}
