/** What was typed is kept: drafts and outgoing messages, over reloads, windows, users and full storages. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Drafts } from "../../static/onrecord/drafts.js";
import { newKey } from "../../static/onrecord/keys.js";
import { Outbox } from "../../static/onrecord/outbox.js";
import { UserStore } from "../../static/onrecord/user-store.js";
import { FakeStorage } from "./storage.mjs";

const DAY = 24 * 3_600_000;
let number = 0;

/**
 * A window of a user with this storage.
 *
 * @param {Storage | null} storage
 * @param {{ userId?: number, now?: () => number }} options
 */
function open(storage, { userId = 1, now = () => 1000 } = {}) {
  const store = new UserStore(userId, storage);
  return { store, drafts: new Drafts(store), outbox: new Outbox(store, () => `key ${(number += 1)}`, now) };
}

/**
 * @param {Outbox} outbox
 * @param {string} roomId
 */
const texts = (outbox, roomId = "a") => outbox.of(roomId).map(({ content }) => content);

test("outgoing messages survive a reload with their keys, in the order typed", () => {
  const storage = new FakeStorage();
  const { outbox } = open(storage);
  const messages = ["one", "two", "three"].map((content) => outbox.add("a", content));
  outbox.add("b", "elsewhere");
  const reloaded = open(storage, { now: () => 500 }).outbox; // the clock was set back
  assert.deepEqual(reloaded.of("a").map(({ key }) => key), messages.map(({ key }) => key));
  assert.deepEqual(reloaded.roomIds.sort(), ["a", "b"]);
  reloaded.add("a", "four");
  assert.deepEqual(texts(reloaded), ["one", "two", "three", "four"]);
});

test("what was sent or discarded does not come back", () => {
  const storage = new FakeStorage();
  const { outbox } = open(storage);
  outbox.remove(outbox.add("a", "sent"));
  assert.deepEqual(texts(open(storage).outbox), []);
});

test("no other user's messages and drafts are shown", () => {
  const storage = new FakeStorage();
  const ada = open(storage, { userId: 1 });
  ada.outbox.add("a", "hers");
  ada.drafts.write("a", "her draft");
  const grace = open(storage, { userId: 11 });
  assert.deepEqual(grace.outbox.roomIds, []);
  assert.equal(grace.drafts.read("a"), "");
  assert.equal(open(storage, { userId: 1 }).drafts.read("a"), "her draft");
});

test("a refused message stays, with the reason, and lets others pass; sent again it goes to the end", () => {
  const storage = new FakeStorage();
  const { outbox } = open(storage);
  const [refused] = [outbox.add("a", "refused"), outbox.add("a", "next")];
  outbox.refuse(refused, "Not found.");
  for (const box of [outbox, open(storage).outbox]) {
    const states = box.of("a").map(({ state, problem }) => [state, problem]);
    assert.deepEqual(states, [["refused", "Not found."], ["pending", ""]]);
    assert.equal(box.next("a")?.content, "next");
  }
  outbox.retry(refused);
  assert.deepEqual(texts(outbox), ["next", "refused"]);
  assert.deepEqual(open(storage).outbox.of("a").map(({ state }) => state), ["pending", "pending"]);
});

test("windows of one user see what the others add, refuse and remove", () => {
  const storage = new FakeStorage();
  const [one, other] = [open(storage).outbox, open(storage).outbox];
  const [first, second] = [one.add("a", "first"), one.add("a", "second")];
  other.reload();
  assert.deepEqual(texts(other), ["first", "second"]);
  one.refuse(first, "Too long.");
  one.remove(second);
  other.reload();
  assert.deepEqual(other.of("a").map(({ content, state }) => [content, state]), [["first", "refused"]]);
  const [seen] = other.of("a");
  one.remove(first);
  other.reload();
  other.refuse(seen, "too late to say");
  assert.deepEqual(texts(open(storage).outbox), []);
});

test("what was written over a day ago is not sent without a word", () => {
  const storage = new FakeStorage();
  open(storage, { now: () => 1000 }).outbox.add("a", "old");
  assert.equal(open(storage, { now: () => DAY }).outbox.next("a")?.content, "old");
  const { outbox } = open(storage, { now: () => DAY + 1001 });
  assert.equal(outbox.next("a"), undefined);
  assert.deepEqual(texts(outbox), ["old"]);
});

test("a full or blocked storage loses nothing while the window is open, and is known to be unsafe", () => {
  const full = new FakeStorage();
  const { drafts, outbox, store } = open(full);
  drafts.write("a", "short");
  assert.equal(store.isSafe, true);
  full.isFull = true;
  drafts.write("a", "longer");
  assert.equal(drafts.read("a"), "longer");
  assert.equal(store.isSafe, false);
  const message = outbox.add("a", "hello");
  outbox.reload();
  assert.deepEqual(texts(outbox), ["hello"]);
  outbox.remove(message);
  drafts.write("a", "");
  assert.equal(store.isSafe, true);
  assert.equal(open(full).drafts.read("a"), "", "no older text in place of the newest");

  const blocked = open(null);
  blocked.drafts.write("a", "typed");
  blocked.outbox.add("a", "hello");
  assert.deepEqual([blocked.drafts.read("a"), ...texts(blocked.outbox)], ["typed", "hello"]);
  assert.equal(blocked.store.isSafe, false);
});

test("keys are unique without crypto.randomUUID, which browsers lack on http", () => {
  const { randomUUID } = crypto;
  Object.defineProperty(crypto, "randomUUID", { value: undefined, configurable: true });
  try {
    const keys = new Set(Array.from({ length: 1000 }, newKey));
    assert.equal(keys.size, 1000);
    for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
  } finally {
    Object.defineProperty(crypto, "randomUUID", { value: randomUUID, configurable: true });
  }
});
