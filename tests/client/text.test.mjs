/** How text, numbers and times are shown: the cases that the server is tested with, too (tests/unit/test_text.py). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { preview } from "../../static/onrecord/text.js";

process.env.TZ = "UTC"; // before the formats are made
const format = await import("../../static/onrecord/format.js");

const CASES = JSON.parse(readFileSync(new URL("./text_cases.json", import.meta.url), "utf8"));
const { previews, ...formats } = CASES;

for (const { name, repeat, then, keeps } of previews) {
  test(`in a preview, ${name}`, () => {
    const text = repeat[0].repeat(repeat[1]) + then;
    const points = [...text];
    assert.equal(preview(text), points.length === keeps ? text : `${points.slice(0, keeps).join("")}…`);
  });
}

for (const [name, cases] of Object.entries(formats)) {
  const show = /** @type {Record<string, (...values: any[]) => string>} */ ({ ...format })[name];
  for (const [value, shown] of cases) {
    test(`${name} shows ${JSON.stringify(value)} as ${shown}`, () => {
      assert.equal(show(...[value].flat(1)), shown);
    });
  }
}
