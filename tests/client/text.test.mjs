import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { pieces } from "../../static/onrecord/text.js";

const CASES = JSON.parse(readFileSync(new URL("./text_cases.json", import.meta.url)));

for (const [text, addresses] of CASES) {
  test(`the links in ${JSON.stringify(text)}`, () => {
    const found = pieces(text);
    assert.equal(found.map((piece) => piece.text).join(""), text);
    assert.deepEqual(found.filter((piece) => piece.href !== null).map((piece) => piece.href), addresses);
  });
}
