import { markupReader, plainReader } from "../onrecord/markup/tree.js";

/** @import { MarkdownItClass } from "../onrecord/markup/parser.js" */

/**
 * What reads the markup of messages. It is loaded with the first message that has any.
 *
 * @param {MarkdownItClass} MarkdownIt
 */
export function readerOf(MarkdownIt) {
  const read = markupReader(MarkdownIt);
  return { read, plain: plainReader(read) };
}
