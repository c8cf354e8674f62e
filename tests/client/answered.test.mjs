// The message that another one answers, where it is not loaded.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Room } from "../../static/onrecord/room.js";

/** @import { Message, MessageChange, RoomEvent } from "../../static/onrecord/shapes.js" */

const ADA = { id: 1, username: "ada" };
const BOB = { id: 2, username: "bob" };
const AT = "2026-11-27T10:00:00.000000Z";

/**
 * @param {number} id
 * @param {Partial<Message>} [parts]
 * @returns {Message}
 */
function message(id, parts = {}) {
  const room = { id: "a", version: id, bumped_at: AT };
  return { id, content: `said ${id}`, user: BOB, room, created_at: AT, ...parts };
}

/** @param {Message[]} answered */
function opened(answered) {
  const last_message = { id: 90, content: "said 90", user: BOB, created_at: AT };
  const shown = { id: "a", name: "a", version: 90, bumped_at: AT, member_count: 2, last_message };
  const messages = [message(90, { reply_to: 3 })];
  return new Room(shown, { me: ADA.id, messages, members: [], pinned: [], answered });
}

const answeredIn = (/** @type {Room} */ room) => room.answeredBy(message(90, { reply_to: 3 }));

test("a message that came with the page is quoted, and is not asked for", () => {
  const room = opened([message(3)]);
  assert.equal(answeredIn(room)?.content, "said 3");
  assert.deepEqual(room.takeUnknownAnswered(), []);
});

test("another one is asked for once", () => {
  const room = opened([]);
  assert.equal(answeredIn(room), undefined);
  assert.deepEqual(room.takeUnknownAnswered(), [3]);
  assert.deepEqual(room.takeUnknownAnswered(), []);
  room.addAnswered(message(3));
  assert.equal(answeredIn(room)?.content, "said 3");
});

test("what happens to it changes the quotation", () => {
  const room = opened([message(3)]);
  const retracted = message(3, { content: "", retracted: { at: AT, by: BOB, why: "" } });
  const body = { room: { id: "a", version: 91 }, user: BOB, message: retracted };
  room.receive(/** @type {RoomEvent<MessageChange>} */ ({ type: "message_retracted", version: 91, body }));
  assert.deepEqual(answeredIn(room), retracted);
});

for (const name of ["before it is known", "after that"]) {
  test(`an erasure ${name} leaves none of its words`, () => {
    const room = opened(name === "after that" ? [message(3)] : []);
    const erased = { at: AT, why: "a letter" };
    const body = { room: { ...room.shown, version: 91 }, user: BOB, versions: [3], erased };
    room.receive(/** @type {any} */ ({ type: "content_erased", version: 91, body }));
    if (name !== "after that") room.addAnswered(message(3));
    assert.equal(answeredIn(room)?.content, "");
    assert.deepEqual(answeredIn(room)?.erased, erased);
  });
}

test("a room that is left keeps none", () => {
  const room = opened([message(3)]);
  room.close();
  assert.equal(answeredIn(room), undefined);
});
