import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENTS, kindOf } from "../../static/onrecord/events.js";
import { Room } from "../../static/onrecord/room.js";

/** @import { Message, Room as ShownRoom } from "../../static/onrecord/shapes.js" */

const ADA = { id: 1, username: "ada" };

/** @type {ShownRoom} */
const ROOM = { id: "a", name: "General", version: 7, bumped_at: "", member_count: 1, last_message: null };

/** @type {Message} */
const MESSAGE = { id: 3, content: "", user: ADA, room: { id: "a", version: 3, bumped_at: "" }, created_at: "" };

/** Has what the body of any type has. @param {string} type */
const event = (type) => ({
  ...{ type, version: 8 },
  body: { room: { ...ROOM, version: 8 }, user: ADA, versions: [], message: MESSAGE, reactions: [] },
});

for (const type of Object.keys(EVENTS)) {
  test(`${type} brings a room to its version`, () => {
    const room = new Room(ROOM, { me: ADA.id });
    kindOf(event(type)).apply(room, event(type));
    assert.equal(room.version, 8);
  });
}

for (const type of ["newer_than_this_code", "constructor"]) {
  test(`an event of the unknown type ${type} moves the version and changes nothing else`, () => {
    const room = new Room(ROOM, { me: ADA.id, messages: [], members: [ADA] });
    assert.equal(room.receive(event(type)).length, 1);
    assert.deepEqual(room.shown, { ...ROOM, version: 8 });
    assert.deepEqual([room.messages, room.members, room.isLeft], [[], [ADA], false]);
  });
}

test("a page of older messages, read before one of them was changed, is brought up to date", () => {
  const reaction = { emoji: "👍", count: 1, users: [ADA] };
  const at = (/** @type {number} */ version) => ({ version, body: { room: { id: "a", version }, user: ADA } });
  const edited = { ...MESSAGE, content: "edited", edited_at: "later", reactions: [reaction] };
  const room = new Room(ROOM, { me: ADA.id, messages: [], members: [ADA], pinned: [] });
  room.receive({ ...at(8), type: "message_edited", body: { ...at(8).body, message: edited } });
  room.receive({ ...at(9), type: "reaction_removed", body: { ...at(9).body, message_id: 3, reactions: [] } });
  room.addOlder([{ ...MESSAGE, content: "as it was", reactions: [reaction] }]);
  assert.deepEqual(room.messages, [{ ...MESSAGE, content: "edited", edited_at: "later" }]);
});
