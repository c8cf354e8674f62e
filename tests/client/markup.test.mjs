/** Markup in messages: the cases that the server is tested with, too (tests/unit/test_markup.py). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import MarkdownIt from "markdown-it";

import { markupReader, plainReader } from "../../static/onrecord/markup/tree.js";
import { html } from "./markup.mjs";

/** @import { MarkupNode } from "../../static/onrecord/markup/tree.js" */

const CASES = JSON.parse(readFileSync(new URL("./markup_cases.json", import.meta.url), "utf8"));

const read = markupReader(MarkdownIt);

/**
 * @param {MarkupNode} node
 * @returns {string[]}
 */
function links(node) {
  if (typeof node === "string") return [];
  return [...(node.tag === "a" ? [node.attributes.href] : []), ...node.children.flatMap(links)];
}

for (const [text, addresses] of CASES.links) {
  test(`the links in ${JSON.stringify(text)}`, () => {
    assert.deepEqual(read(text).flatMap(links), addresses);
  });
}

for (const [text, words] of CASES.plain) {
  test(`the words of ${JSON.stringify(text)}`, () => {
    assert.equal(plainReader(read)(text), words);
  });
}

for (const [text, shown] of CASES.markup) {
  test(`the markup in ${JSON.stringify(text)}`, () => {
    assert.equal(html(read(text)), shown);
  });
}
