/**
 * Reads JSON, { script, texts }: what defines MarkdownIt, as browsers get it, and messages. Writes the HTML of each,
 * and how many milliseconds it took.
 */

import { readFileSync } from "node:fs";
import { runInThisContext } from "node:vm";

import { markupReader } from "../../static/onrecord/markup/tree.js";
import { html } from "./markup.mjs";

const { script, texts } = JSON.parse(readFileSync(0, "utf8"));
runInThisContext(script);
const read = markupReader(/** @type {any} */ (globalThis).MarkdownIt);
const shown = texts.map((/** @type {string} */ text) => {
  const started = process.cpuUsage();
  const nodes = read(text);
  const { user, system } = process.cpuUsage(started);
  return { took_ms: (user + system) / 1000, html: html(nodes) };
});
process.stdout.write(JSON.stringify(shown));
