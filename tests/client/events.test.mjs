import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENTS, kindOf } from "../../static/onrecord/events.js";
import { Room } from "../../static/onrecord/room.js";

/** @import { Room as ShownRoom } from "../../static/onrecord/shapes.js" */

const ADA = { id: 1, username: "ada" };

/** @type {ShownRoom} */
const ROOM = { id: "a", name: "General", version: 7, bumped_at: "", member_count: 1, last_message: null };

/** @param {string} type */
const event = (type) => ({ type, version: 8, body: { room: { ...ROOM, version: 8 }, user: ADA, versions: [] } });

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
