/** How news arrives, as a page says it: live, late, by polling, or not at all. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";

const PACE = { pollMs: 4, checkMs: 4, returnMs: 4, mostMs: 32, spreadMs: 4 };

/** @type {Client[]} */
const clients = [];

/** @import { Message, OpenRoom, OwnStanding, RoomMember, StreamEvent } from "../../static/onrecord/shapes.js" */

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const LOG = "1-7-00ff";
const AT = "2026-01-01T00:00:00.000000Z";
const ADA = { id: 1, username: "ada" };

/** @type {RoomMember} */
const OWNER = { ...ADA, role: "owner", joined: 2 };

/** @type {OwnStanding} */
const OWN = { role: "owner" };


/** @type {Message} */
const SHOWN = { id: 3, content: "shown", user: ADA, room: { id: "a", version: 3, bumped_at: AT }, created_at: AT };
const ROOM = { id: "a", name: "A", version: 5, bumped_at: AT, member_count: 1, last_message: SHOWN };

/** A page; its server and its connection are driven by the test. */
function page(open = /** @type {OpenRoom | null} */ (null), pace = PACE) {
  const server = { isAway: false, status: 0, body: {}, isLate: false, feeds: 0, checks: 0 };
  const log = {
    /** Places that are not in it. @type {Set<string>} */
    lost: new Set(),
    /** Those that the last check of the delivery came with. @type {string[]} */
    asked: [],
    /** Of the open room. @type {StreamEvent[]} */
    events: [],
  };
  const api = {
    /** @param {string} path */
    async get(path) {
      if (server.isAway) throw new ApiError(server.status, server.body);
      const { pathname, searchParams } = new URL(path, "http://service");
      const places = searchParams.getAll("log");
      if (places.some((place) => log.lost.has(place))) throw new ApiError(409, { code: "log_restarted" });
      if (pathname === "/api/feed/") server.feeds += 1;
      if (pathname === "/api/delivery/") {
        server.checks += 1;
        log.asked = places;
        return { is_late: server.isLate };
      }
      if (pathname === "/api/rooms/a/events/")
        return { events: log.events.filter(({ version }) => version > Number(searchParams.get("after"))) };
      if (pathname.startsWith("/api/rooms/")) throw new ApiError(404, {});
      return { token: "a token", events: [], readings: [], position: 7, log: LOG };
    },
  };
  const connection = Object.assign(new EventEmitter(), {
    attempts: 0,
    subscription: new EventEmitter(),
    delivery: Object.assign(new EventEmitter(), { subscribe() {} }),
  });
  class Connection extends EventEmitter {
    static UnauthorizedError = class extends Error {};
    /** @param {string} channel */
    newSubscription(channel) {
      if (channel === "delivery:state") return connection.delivery;
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
    ...{ mirror, api, Centrifuge, url: "", pace },
    onStatus: (status) => statuses.push(status),
    onLoggedOut: () => (ends.loggedOut += 1),
    onOtherUser: () => (ends.otherUser += 1),
    onRestarted: () => (restarts.count += 1),
  });
  clients.push(client);
  client.start();
  const told = (/** @type {boolean} */ isLate) =>
    connection.delivery.emit("publication", { data: { type: "delivery", body: { is_late: isLate } } });
  const subscribed = () => connection.subscription.emit("subscribed", { streamPosition: { offset: 0, epoch: "e" } });
  let offset = 0;
  /** @param {number} position @param {string} place */
  const published = (position, place) => {
    const body = { ...SHOWN, id: position, room: { ...SHOWN.room, id: "b", version: position } };
    const data = { type: "message_added", version: position, position, log: place, body };
    connection.subscription.emit("publication", { offset: (offset += 1), data });
  };
  return { server, log, connection, client, ends, restarts, statuses, subscribed, published, told };
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

test("a page that is told that publications are late says so at once, and stops when they no longer are", async () => {
  const { server, client, subscribed, told } = page(null, { ...PACE, checkMs: 1e6 });
  subscribed();
  await until(() => client.status === "live");
  server.isLate = true;
  told(true);
  assert.equal(client.status, "late");
  const { feeds } = server;
  await until(() => server.feeds > feeds + 2);
  server.isLate = false;
  told(false);
  await until(() => client.status === "live");
});

test("a connection that comes back with all publications asks whether they come in time", async () => {
  const { server, client, connection, subscribed } = page(null, { ...PACE, checkMs: 1e6 });
  subscribed();
  await until(() => client.status === "live");
  connection.subscription.emit("subscribing", { code: 2 });
  server.isLate = true;
  const recovered = { recovered: true, wasRecovering: true, streamPosition: { offset: 0, epoch: "e" } };
  connection.subscription.emit("subscribed", recovered);
  await until(() => client.status === "late");
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
  const { returnMs, mostMs } = PACE;
  for (const [place, gap] of gaps.entries()) {
    assert.ok(gap >= Math.min(returnMs * 2 ** (place + 1), mostMs) - 1, `${gaps}`);
  }
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
    const { log, client, restarts, subscribed } = page();
    if (status === "live") subscribed();
    await until(() => client.status === status);
    log.lost.add(LOG);
    await until(() => restarts.count === 1);
  });
}

test("a page asks whether the newest place from each process is in the log, until the server says so", async () => {
  const { log, client, restarts, subscribed, published } = page();
  subscribed();
  await until(() => client.status === "live");
  published(8, "1.ada-8-0008");
  published(9, "1.ada-9-0009");
  published(10, "1.bob-10-0010");
  const place = (/** @type {string} */ which) => log.asked.includes(which);
  await until(() => place("1.bob-10-0010"));
  assert.deepEqual(log.asked, [LOG, "1.ada-9-0009", "1.bob-10-0010"]);
  await until(() => !place(LOG));
  assert.deepEqual(log.asked, ["1.bob-10-0010"]);
  published(9, "1.bob-9-0009");
  published(11, "1.eve-11-0011");
  log.lost.add("1.bob-10-0010");
  await until(() => restarts.count === 1);
});

test("a page remembers the place of a publication that came while it was catching up", async () => {
  const { log, client, restarts, subscribed, published } = page();
  subscribed();
  published(8, "1.ada-8-0008");
  await until(() => client.status === "live" && log.asked.includes("1.ada-8-0008"));
  log.lost.add("1.ada-8-0008");
  await until(() => restarts.count === 1);
});

test("a page asks whether the log has what answers told it, until what was published is as new", async () => {
  const open = { room: ROOM, messages: [SHOWN], members: [OWNER], pinned: [], own: OWN };
  const { log, client, restarts, subscribed, published } = page(open);
  const answered = (/** @type {number} */ position, /** @type {string} */ place) =>
    client.receive({ type: "message_added", version: SHOWN.id, position, log: place, body: SHOWN });
  subscribed();
  await until(() => client.status === "live");
  answered(10, "1.ada-10-0010");
  answered(9, "1.ada-9-0009");
  answered(9, "1.bob-9-0009");
  published(8, "1.ada-8-0008");
  await until(() => log.asked.includes("1.ada-10-0010"));
  assert.deepEqual(log.asked, [LOG, "1.ada-10-0010", "1.bob-9-0009"]);
  await until(() => !log.asked.includes(LOG));
  assert.deepEqual(log.asked, ["1.ada-10-0010"]);
  published(9, "1.eve-9-0009");
  await until(() => log.asked.includes("1.eve-9-0009"));
  await until(() => !log.asked.includes("1.eve-9-0009"));
  assert.deepEqual(log.asked, ["1.ada-10-0010"]); // it is newer than all that was published
  log.lost.add("1.ada-10-0010");
  await until(() => restarts.count === 1);
});

test("a page that was switched to is of the log as well, or the page loads afresh", async () => {
  const { log, client, restarts, subscribed } = page();
  subscribed();
  await until(() => client.status === "live");
  const open = { room: ROOM, messages: [SHOWN], members: [OWNER], pinned: [], own: OWN };
  const shown = { user: ADA, position: 7, rooms: [ROOM], open };
  client.open({ ...shown, log: "1.eve-7-0007" }, []);
  await until(() => log.asked.includes("1.eve-7-0007"));
  assert.equal(restarts.count, 0);
  log.lost.add("1.bob-8-0008");
  client.open({ ...shown, log: "1.bob-8-0008" }, []);
  await until(() => restarts.count === 1);
});

const LATER = AT.replace("01T", "02T");

for (const [what, message, recorded, isAnother] of /** @type {[string, Message, Message, boolean][]} */ ([
  ["gets the same again", SHOWN, SHOWN, false],
  ["gets one older than those that it shows", { ...SHOWN, id: 2 }, { ...SHOWN, id: 2 }, false],
  ["gets another in its place", { ...SHOWN, created_at: LATER }, { ...SHOWN, created_at: LATER }, true],
  ["gets one in the place of a join", { ...SHOWN, id: 4 }, { ...SHOWN, id: 4 }, true],
  ["gets one that is not on record", { ...SHOWN, created_at: LATER }, SHOWN, false],
])) {
  test(`a page that shows a message and ${what} ${isAnother ? "loads afresh" : "stays as it is"}`, async () => {
    const shownRoom = { room: ROOM, messages: [SHOWN], members: [OWNER], pinned: [], own: OWN };
    const { log, client, restarts, subscribed } = page(shownRoom);
    subscribed();
    await until(() => client.status === "live");
    log.events = [{ type: "message_added", version: recorded.id, position: 7, body: recorded }];
    client.receive({ type: "message_added", version: message.id, position: 7, body: message });
    await new Promise(setImmediate);
    assert.equal(restarts.count, Number(isAnother));
  });
}
