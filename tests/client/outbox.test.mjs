import assert from "node:assert/strict";
import { test } from "node:test";

import { Outbox } from "../../static/onrecord/outbox.js";

function outbox() {
  let number = 0;
  return new Outbox(() => `key ${(number += 1)}`);
}

test("an outgoing message is shown until its answer arrives", () => {
  const box = outbox();
  const message = box.add("hello");
  assert.deepEqual(box.messages.map(({ content, state }) => [content, state]), [["hello", "pending"]]);
  box.remove(message);
  assert.deepEqual(box.messages, []);
});

test("a message that failed keeps its key when it is sent again", () => {
  const box = outbox();
  const message = box.add("hello");
  box.fail(message, "No answer.");
  assert.deepEqual([message.state, message.problem], ["failed", "No answer."]);
  box.retry(message);
  assert.deepEqual([message.state, message.problem, message.key], ["pending", "", "key 1"]);
});

test("a publication that is quicker than the answer does not show a message twice", () => {
  const box = outbox();
  box.add("hello");
  box.add("hello");
  box.match({ id: 7, content: "hello" });
  assert.deepEqual(box.messages.map((message) => message.key), ["key 2"]);
});

test("a message from another device hides no outgoing message here", () => {
  const box = outbox();
  box.add("hello");
  box.match({ id: 7, content: "good bye" });
  assert.equal(box.messages.length, 1);
});
