import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../static/onrecord/outbox.js";

function outbox() {
  let number = 0;
  return new Outbox(() => `key ${(number += 1)}`);
}

test("a letter is shown until its answer is there", () => {
  const box = outbox();
  const letter = box.add("hello");
  assert.deepEqual(box.letters.map(({ content, state }) => [content, state]), [["hello", "pending"]]);
  box.remove(letter);
  assert.deepEqual(box.letters, []);
});

test("a letter that failed keeps its key when it is sent again", () => {
  const box = outbox();
  const letter = box.add("hello");
  box.fail(letter, "No answer.");
  assert.deepEqual([letter.state, letter.problem], ["failed", "No answer."]);
  box.retry(letter);
  assert.deepEqual([letter.state, letter.problem, letter.key], ["pending", "", "key 1"]);
});

test("a publication that is quicker than the answer does not show a message twice", () => {
  const box = outbox();
  box.add("hello");
  box.add("hello");
  box.see({ id: 7, content: "hello" });
  assert.deepEqual(box.letters.map((letter) => letter.key), ["key 2"]);
});

test("what was said on another device hides nothing that is on its way here", () => {
  const box = outbox();
  box.add("hello");
  box.see({ id: 7, content: "good bye" });
  assert.equal(box.letters.length, 1);
});
