import assert from "node:assert/strict";
import { test } from "node:test";

import { EVENTS, kindOf } from "../../static/onrecord/events.js";
import { Room } from "../../static/onrecord/room.js";

/** @import { Message, Room as ShownRoom, RoomMember } from "../../static/onrecord/shapes.js" */

const ADA = { id: 1, username: "ada" };
const BOB = { id: 2, username: "bob" };

/** @type {ShownRoom} */
const ROOM = { id: "a", name: "General", version: 7, bumped_at: "", member_count: 1, last_message: null };

/** @type {RoomMember} */
const OWNER = { ...ADA, role: "owner", joined: 2 };

/** @type {Message} */
const MESSAGE = { id: 3, content: "", user: ADA, room: { id: "a", version: 3, bumped_at: "" }, created_at: "" };

/** Has what the body of any type has. @param {string} type */
const event = (type) => {
  const body = { room: { ...ROOM, version: 8 }, user: ADA, member: BOB, why: "asked for", versions: [] };
  return { type, version: 8, body: { ...body, message: MESSAGE, reactions: [] } };
};

for (const type of Object.keys(EVENTS)) {
  test(`${type} brings a room to its version`, () => {
    const room = new Room(ROOM, { me: ADA.id });
    kindOf(event(type)).apply(room, event(type));
    assert.equal(room.version, 8);
  });
}

for (const type of ["newer_than_this_code", "constructor"]) {
  test(`an event of the unknown type ${type} moves the version and changes nothing else`, () => {
    const room = new Room(ROOM, { me: ADA.id, messages: [], members: [OWNER] });
    assert.equal(room.receive(event(type)).length, 1);
    assert.deepEqual(room.shown, { ...ROOM, version: 8 });
    assert.deepEqual([room.messages, room.members, room.isLeft], [[], [OWNER], false]);
  });
}

test("a member learns of a role, of a mute and its end, and by whom and why they were removed", () => {
  const bob = /** @type {RoomMember} */ ({ ...BOB, role: "member", joined: 3 });
  const room = new Room(ROOM, { me: BOB.id, messages: [], members: [OWNER, bob], own: { role: "member" } });
  const about = (/** @type {number} */ version) => {
    return { room: { ...ROOM, version }, user: ADA, member: BOB, why: "asked for" };
  };
  room.receive({ type: "role_given", version: 8, body: { ...about(8), role: "moderator" } });
  room.receive({ type: "user_muted", version: 9, body: { ...about(9), until: "2026-11-26T20:00:00.000000Z" } });
  assert.deepEqual(room.members?.map(({ role }) => role), ["owner", "moderator"]);
  const muted = { version: 9, until: "2026-11-26T20:00:00.000000Z", why: "asked for" };
  assert.deepEqual(room.own, { role: "moderator", muted });
  const erased = { at: null, why: "" };
  const body = { room: { ...ROOM, version: 10 }, user: ADA, versions: [9], erased };
  room.receive({ type: "content_erased", version: 10, body });
  assert.deepEqual(room.own.muted, { ...muted, why: "" });
  room.receive({ type: "mute_lifted", version: 11, body: about(11) });
  assert.deepEqual(room.own, { role: "moderator" });
  const removed = { room: { ...ROOM, version: 12 }, user: BOB, removed_by: ADA, why: "spam" };
  room.receive({ type: "user_left", version: 12, body: removed });
  assert.deepEqual([room.isLeft, room.removal, room.members], [true, removed, [OWNER]]);
});

test("while no member is an owner by name, the one who has been in the room longest is", () => {
  const bob = /** @type {RoomMember} */ ({ ...BOB, role: "member", joined: 3 });
  const room = new Room({ ...ROOM, member_count: 2 }, { me: BOB.id, messages: [], members: [OWNER, bob] });
  room.receive({ type: "user_left", version: 8, body: { room: { ...ROOM, version: 8 }, user: ADA } });
  assert.deepEqual([room.members, room.own], [[{ ...bob, role: "owner" }], { role: "owner" }]);
});

test("a page of older messages, read before one of them was changed, is brought up to date", () => {
  const reaction = { emoji: "👍", count: 1, users: [ADA] };
  const at = (/** @type {number} */ version) => ({ version, body: { room: { id: "a", version }, user: ADA } });
  const edited = { ...MESSAGE, content: "edited", edited_at: "later", reactions: [reaction] };
  const room = new Room(ROOM, { me: ADA.id, messages: [], members: [OWNER], pinned: [] });
  room.receive({ ...at(8), type: "message_edited", body: { ...at(8).body, message: edited } });
  const gone = { ...at(9).body, message_id: 3, emoji: "👍", reactions: [] };
  room.receive({ ...at(9), type: "reaction_removed", body: gone });
  room.addOlder([{ ...MESSAGE, content: "as it was", reactions: [reaction] }]);
  assert.deepEqual(room.messages, [{ ...MESSAGE, content: "edited", edited_at: "later" }]);
});

test("words that are erased leave all of a page, and do not come back with a page that was read before", () => {
  const erased = { at: "2026-11-26T20:00:00.000000Z", why: "asked for" };
  const said = { ...MESSAGE, content: "a telephone number" };
  const newest = { ...said, id: 5 };
  const room = new Room(ROOM, { me: ADA.id, messages: [newest], members: [OWNER], pinned: [said] });
  const body = { room: { ...ROOM, version: 8 }, user: BOB, versions: [3, 5], erased };
  room.receive({ type: "content_erased", version: 8, body });
  room.addOlder([said]);
  const gone = { ...said, content: "", erased };
  assert.deepEqual([room.messages, room.pinned], [[gone, { ...gone, id: 5 }], [gone]]);
});
