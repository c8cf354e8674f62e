/** Ends with an error unless each second file has the tokens of the file before it, but for imports and exports. */

import { readFileSync } from "node:fs";
import { parse } from "acorn";

/** @param {string} path */
function tokensOf(path) {
  /** @type {import("acorn").Token[]} */
  const tokens = [];
  const code = readFileSync(path, "utf8");
  const tree = parse(code, { ecmaVersion: "latest", sourceType: "module", onToken: tokens });
  const left = tree.body.filter(({ type }) => type === "ImportDeclaration");
  const isLeft = (/** @type {number} */ at) => left.some(({ start, end }) => start <= at && at < end);
  const texts = tokens.filter(({ start }) => !isLeft(start)).map(({ start, end }) => code.slice(start, end));
  return texts.filter((text) => text !== "export");
}

const paths = process.argv.slice(2);
for (let at = 0; at < paths.length; at += 2) {
  if (JSON.stringify(tokensOf(paths[at])) !== JSON.stringify(tokensOf(paths[at + 1]))) throw new Error(paths[at]);
}
