/** Outgoing messages are sent in the order typed, each once, however often the server does not answer. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { Outbox } from "../../static/onrecord/outbox.js";
import { Sender } from "../../static/onrecord/sender.js";
import { UserStore } from "../../static/onrecord/user-store.js";
import { FakeStorage } from "./storage.mjs";

/** @import { RoomEvent } from "../../static/onrecord/shapes.js" */

/** A log that records a key once; `answers` decides what happens to the next requests instead of an answer. */
class Server {
  /** @type {Map<string, { id: number, content: string }>} */
  recorded = new Map();
  /** @type {(() => void)[]} Called in turn, after recording where `isLate`. */
  failures = [];
  isLate = false;
  inFlight = 0;
  most = 0;
  attempts = 0;

  /**
   * @param {string} _path
   * @param {object} body
   * @param {{ key?: string | null }} options
   * @returns {Promise<any>}
   */
  async record(_path, body, { key } = {}) {
    this.attempts += 1;
    this.inFlight += 1;
    this.most = Math.max(this.most, this.inFlight);
    await new Promise((resolve) => setImmediate(resolve));
    this.inFlight -= 1;
    const failure = this.failures.shift();
    if (failure !== undefined && !this.isLate) failure();
    const { content } = /** @type {{ content: string }} */ (body);
    const known = this.recorded.get(key ?? "");
    const message = known ?? { id: this.recorded.size + 1, content };
    this.recorded.set(key ?? "", message);
    failure?.();
    return { body: message, position: message.id };
  }

  get texts() {
    return [...this.recorded.values()].map(({ content }) => content);
  }
}

/**
 * @param {number} status
 * @param {Record<string, any> | null} body
 */
const refusal = (status, body = null) => () => {
  throw new ApiError(status, body);
};

function setUp() {
  let keys = 0;
  const storage = new FakeStorage();
  const outbox = new Outbox(new UserStore(1, storage), () => `key ${(keys += 1)}`);
  const server = new Server();
  /** @type {RoomEvent[]} */
  const sent = [];
  /** @type {ApiError[]} */
  const stops = [];
  const sender = new Sender({
    ...{ outbox, api: server },
    onSent: (event) => sent.push(event),
    onStop: (error) => stops.push(error),
  });
  return { storage, outbox, server, sender, sent, stops };
}

/** @param {() => boolean} holds */
async function until(holds) {
  for (let turns = 0; !holds(); turns += 1) {
    assert.ok(turns < 1000, "it never came true");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test("messages of a room go out one at a time, in the order typed; rooms do not wait for each other", async () => {
  const { outbox, server, sender, sent } = setUp();
  for (const content of ["one", "two", "three"]) {
    outbox.add("a", content);
    sender.wake();
  }
  await until(() => outbox.of("a").length === 0);
  assert.deepEqual(server.texts, ["one", "two", "three"]);
  assert.equal(server.most, 1);
  assert.deepEqual(sent.map(({ version }) => version), [1, 2, 3]);
});

test("the first is sent again before those after it, by itself", async () => {
  const { outbox, server, sender } = setUp();
  server.failures = [refusal(0), refusal(503), refusal(429)];
  for (const content of ["one", "two", "three"]) outbox.add("a", content);
  sender.wake();
  await until(() => outbox.of("a")[0].state === "waiting");
  sender.wake();
  await until(() => server.attempts === 2);
  await until(() => outbox.of("a")[0].problem !== "");
  sender.wake();
  await until(() => server.attempts === 3);
  sender.wake();
  await until(() => outbox.of("a").length === 0);
  assert.deepEqual(server.texts, ["one", "two", "three"]);
});

test("an answer that was lost is asked for again with the same key, and nothing is said twice", async () => {
  const { outbox, server, sender, sent } = setUp();
  server.isLate = true;
  server.failures = [refusal(0)];
  outbox.add("a", "one");
  outbox.add("a", "one");
  sender.wake();
  await until(() => outbox.of("a")[0].state === "waiting");
  assert.deepEqual(outbox.of("a").length, 2, "the same words in the log are no answer");
  sender.wake();
  await until(() => outbox.of("a").length === 0);
  assert.deepEqual(server.texts, ["one", "one"]);
  assert.deepEqual(sent.map(({ version }) => version), [1, 2]);
});

test("a message that is refused is shown and lets the next pass", async () => {
  const { outbox, server, sender } = setUp();
  server.failures = [refusal(400, { content: ["Ensure this field has no more than 4000 characters."] })];
  outbox.add("a", "too long");
  outbox.add("a", "short");
  sender.wake();
  await until(() => outbox.of("a").length === 1);
  const [refused] = outbox.of("a");
  assert.deepEqual([refused.content, refused.state], ["too long", "refused"]);
  assert.match(refused.problem, /no more than 4000/);
  assert.deepEqual(server.texts, ["short"]);
});

for (const [status, body] of /** @type {[number, object][]} */ ([
  [403, { detail: "Authentication credentials were not provided." }],
  [409, { detail: "This page belongs to another user.", code: "other_user" }],
])) {
  test(`nothing more is sent after ${status}, and all of it is kept`, async () => {
    const { storage, outbox, server, sender, stops } = setUp();
    server.failures = [refusal(status, body)];
    outbox.add("a", "one");
    outbox.add("a", "two");
    sender.wake();
    await until(() => stops.length === 1);
    sender.wake();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(server.attempts, 1);
    const kept = new Outbox(new UserStore(1, storage), String);
    assert.deepEqual(kept.of("a").map(({ content }) => content), ["one", "two"]);
    assert.equal(kept.next("a")?.content, "one");
  });
}
