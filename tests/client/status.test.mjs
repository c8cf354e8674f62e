/** How news arrives, as a page says it: live, late, by polling, or not at all. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";

const PACE = { pollMs: 4, checkMs: 4, returnMs: 4, mostMs: 32 };

/** @type {Client[]} */
const clients = [];

/** @import { Message, OpenRoom } from "../../static/onrecord/shapes.js" */

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const LOG = "1-7-00ff";
const AT = "2026-01-01T00:00:00.000000Z";
const ADA = { id: 1, username: "ada" };

/** @type {Message} */
const SHOWN = { id: 3, content: "shown", user: ADA, room: { id: "a", version: 3, bumped_at: AT }, created_at: AT };
const ROOM = { id: "a", name: "A", version: 5, bumped_at: AT, member_count: 1, last_message: SHOWN };

/** A page; its server and its connection are driven by the test. */
function page(open = /** @type {OpenRoom | null} */ (null)) {
  const server = { isAway: false, isRestored: false, status: 0, body: {}, isLate: false, feeds: 0, checks: 0 };
  const api = {
    /** @param {string} path */
    async get(path) {
      if (server.isAway) throw new ApiError(server.status, server.body);
      const { searchParams } = new URL(path, "http://service");
      if (server.isRestored && searchParams.get("log") === LOG) throw new ApiError(409, { code: "log_restarted" });
      if (path.startsWith("/api/feed/")) server.feeds += 1;
      if (path.startsWith("/api/delivery/")) {
        server.checks += 1;
        return { is_late: server.isLate };
      }
      return { token: "a token", events: [], readings: [], position: 7, log: LOG };
    },
  };
  const connection = Object.assign(new EventEmitter(), { attempts: 0, subscription: new EventEmitter() });
  class Connection extends EventEmitter {
    static UnauthorizedError = class extends Error {};
    newSubscription() {
      connection.subscription = Object.assign(new EventEmitter(), { subscribe() {} });
      return connection.subscription;
    }
    removeSubscription() {}
    setToken() {}
    connect() {
      connection.attempts += 1;
      connection.on("disconnected", (context) => this.emit("disconnected", context));
    }
    disconnect() {}
  }
  const Centrifuge = /** @type {typeof import("centrifuge").Centrifuge} */ (/** @type {unknown} */ (Connection));
  const mirror = new Mirror({ user: ADA, position: 7, log: LOG, rooms: [], open });
  const ends = { loggedOut: 0, otherUser: 0 };
  const restarts = { count: 0 };
  /** @type {string[]} */
  const statuses = [];
  const client = new Client({
    ...{ mirror, api, Centrifuge, url: "", pace: PACE },
    onStatus: (status) => statuses.push(status),
    onLoggedOut: () => (ends.loggedOut += 1),
    onOtherUser: () => (ends.otherUser += 1),
    onRestarted: () => (restarts.count += 1),
  });
  clients.push(client);
  client.start();
  const subscribed = () => connection.subscription.emit("subscribed", { streamPosition: { offset: 0, epoch: "e" } });
  return { server, connection, client, ends, restarts, statuses, subscribed };
}

/** @param {() => boolean} holds */
async function until(holds) {
  for (let turns = 0; !holds(); turns += 1) {
    assert.ok(turns < 1000, "it never came true");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

test("without a connection the feed is polled, until there is one", async () => {
  const { server, client, subscribed } = page();
  await until(() => client.status === "polling" && server.feeds > 2);
  subscribed();
  await until(() => client.status === "live");
  const { feeds, checks } = server;
  await until(() => server.checks > checks + 3);
  assert.equal(server.feeds, feeds, "a live page reads no feed");
});

test("a page is offline when nothing answers, and asks ever more rarely", async () => {
  const { server, client } = page();
  server.isAway = true;
  await until(() => client.status === "offline");
  server.isAway = false;
  client.wake();
  await until(() => client.status === "polling");
});

test("a connected page says so when publications are late, and reads the feed", async () => {
  const { server, client, statuses, subscribed } = page();
  server.isLate = true;
  subscribed();
  await until(() => client.status === "late");
  assert.ok(!statuses.includes("live"));
  const { feeds } = server;
  await until(() => server.feeds > feeds + 2);
  server.isLate = false;
  await until(() => client.status === "live");
});

test("a real-time server that refuses is asked again after ever longer pauses, and no user is logged out", async () => {
  const { connection, client, ends } = page();
  /** @type {number[]} */
  const times = [];
  for (let refusals = 0; refusals < 5; refusals += 1) {
    const { attempts } = connection;
    connection.emit("disconnected", { code: 3500, reason: "invalid token" });
    connection.removeAllListeners("disconnected");
    await until(() => connection.attempts > attempts);
    times.push(performance.now());
  }
  const gaps = times.slice(1).map((time, place) => time - times[place]);
  assert.ok(gaps[3] >= 31 && gaps[3] > gaps[0], `${gaps}`);
  await until(() => client.status === "polling");
  assert.deepEqual(ends, { loggedOut: 0, otherUser: 0 });
});

for (const [what, status, body, expected] of /** @type {[string, number, object, object][]} */ ([
  ["the session has ended", 403, { detail: "no session" }, { loggedOut: 1, otherUser: 0 }],
  ["another user has logged in", 409, { code: "other_user", detail: "" }, { loggedOut: 0, otherUser: 1 }],
])) {
  test(`the page stops, and says so once, when ${what}`, async () => {
    const { server, client, ends } = page();
    Object.assign(server, { isAway: true, status, body });
    await until(() => ends.loggedOut + ends.otherUser > 0);
    client.wake();
    assert.deepEqual(ends, expected);
    assert.equal(client.status, "offline");
  });
}

for (const status of ["polling", "live"]) {
  test(`a ${status} page loads afresh when the log went back, though nothing is published`, async () => {
    const { server, client, restarts, subscribed } = page();
    if (status === "live") subscribed();
    await until(() => client.status === status);
    server.isRestored = true;
    await until(() => restarts.count === 1);
  });
}

for (const [what, message, isAnother] of /** @type {[string, Message, boolean][]} */ ([
  ["the one that it shows", SHOWN, false],
  ["another in its place", { ...SHOWN, content: "another", created_at: AT.replace("01T", "02T") }, true],
  ["one in the place of a join", { ...SHOWN, id: 4 }, true],
  ["one older than those that it shows", { ...SHOWN, id: 2 }, false],
])) {
  test(`a page ${isAnother ? "asks at once for its place in the log" : "asks nothing"} when it gets ${what}`, async () => {
    const { server, client, subscribed } = page({ room: ROOM, messages: [SHOWN], members: [ADA] });
    subscribed();
    await until(() => client.status === "live");
    const { feeds } = server;
    client.receive({ type: "message_added", version: message.id, body: message });
    await new Promise(setImmediate);
    assert.equal(server.feeds, feeds + Number(isAnother));
  });
}
