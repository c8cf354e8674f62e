/** What is unread is counted as far as the API counts it, however many messages come while a page is open. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Unread } from "../../static/onrecord/unread.js";

const ROOM = { room_id: "a", is_muted: false, mute_changes: 0 };

test("a page counts up to a hundred, as one that is loaded now does", () => {
  const unread = new Unread({ ...ROOM, version: 1, counted: 91, unread: 90, mentions: 90 });
  for (let version = 92; version < 112; version += 1) {
    unread.addMessage(version);
    unread.addMention(version, version);
  }
  assert.deepEqual([unread.count, unread.mentions], [100, 100]);
  unread.update({ ...ROOM, version: 105, counted: 111, unread: 6, mentions: 6 });
  assert.deepEqual([unread.count, unread.mentions], [6, 6]);
});
