/** How text, numbers and times are shown: the cases that the server is tested with, too (tests/unit/test_text.py). */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { preview } from "../../static/onrecord/text.js";

process.env.TZ = "UTC"; // before the formats are made
const format = await import("../../static/onrecord/format.js");

const CASES = JSON.parse(readFileSync(new URL("./text_cases.json", import.meta.url), "utf8"));
const { previews, joinsAndLeaves, ...formats } = CASES;

for (const { name, repeat, then, keeps } of previews) {
  test(`in a preview, ${name}`, () => {
    const text = repeat[0].repeat(repeat[1]) + then;
    const points = [...text];
    assert.equal(preview(text), points.length === keeps ? text : `${points.slice(0, keeps).join("")}…`);
  });
}

for (const { steps, told } of joinsAndLeaves) {
  test(`who joined and left: ${steps}`, () => {
    /** @type {string[][]} */
    const parts = steps.split(", ").map((/** @type {string} */ each) => each.split(" "));
    const names = parts.map(([name]) => name);
    const run = parts.map(([username, step], at) => ({
      version: at + 1,
      user: { id: names.indexOf(username) + 1, username },
      step: /** @type {"joined"} */ (step),
    }));
    const line = format.joinedAndLeft(run).map((each) => {
      return `${each.users.map((user) => user.username).join(", ")} ${each.told}`;
    });
    assert.equal(line.join("; "), told);
  });
}

for (const [name, cases] of Object.entries(formats)) {
  const show = /** @type {Record<string, any>} */ ({ ...format })[name];
  for (const [value, shown] of cases) {
    test(`${name} shows ${JSON.stringify(value)} as ${shown}`, () => {
      assert.equal(show(...[value].flat(1)), shown);
    });
  }
}
