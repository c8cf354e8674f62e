/** The law of a live page: what was loaded + publications since == what a fresh page shows. */

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";
import { connectionTo } from "./connection.mjs";
import { randomFrom } from "./random.mjs";
import { Service } from "./service.mjs";

/**
 * @import { RangeEvent, RoomChange, User } from "../../static/onrecord/shapes.js"
 * @import { Delivery } from "./connection.mjs"
 * @import { Random } from "./random.mjs"
 */

const ME = 1;
/** @type {Record<number, User>} */
const PEOPLE = { 1: { id: 1, username: "ada" }, 2: { id: 2, username: "bob" }, 3: { id: 3, username: "eve" } };
const ROOMS = ["a", "b", "c"];
const SEQUENCES = 300;
const STEPS = 40;

/** Those that are open. @type {Client[]} */
const clients = [];

/** @param {number} status */
const refusal = (status) => new ApiError(status, { detail: "Not found." });

/**
 * A page, loaded now, with a room open if its owner is a member.
 *
 * @param {Service} service
 * @param {string | null} openId
 * @param {number} listed how many rooms it lists at most
 */
function page(service, openId = null, listed = 100) {
  const open = openId !== null && service.isMember(openId, ME) ? openId : null;
  const mirror = new Mirror(structuredClone(service.fresh(open, listed)));
  const connection = connectionTo(service);
  const client = new Client({ mirror, api: service, Centrifuge: connection.Centrifuge, url: "" });
  client.start();
  clients.push(client);
  return { mirror, client, connection, open };
}

afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

async function quiet() {
  for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
}

/**
 * @param {{ mirror: Mirror, open: string | null }} page
 * @param {Service} service
 * @param {string} message
 * @param {number} listed how many rooms a fresh page lists
 */
function assertIsFresh({ mirror, open }, service, message = "a live page differs from a fresh one", listed = 100) {
  const fresh = service.fresh(null, listed);
  assert.deepEqual(mirror.rooms, fresh.rooms, message);
  const counts = Object.fromEntries(fresh.readings.map(({ room_id, unread: count }) => [room_id, count]));
  const unread = Object.fromEntries(fresh.rooms.map(({ id }) => [id, counts[id]]));
  assert.deepEqual(Object.fromEntries(mirror.rooms.map(({ id }) => [id, mirror.unread(id)])), unread, message);
  if (open === null || !service.isMember(open, ME)) return;
  const shown = mirror.room(open);
  const { messages, members, pinned, own } = service.open(open);
  const seen = { messages: shown?.messages, members: shown?.members, pinned: shown?.pinned, own: shown?.own };
  assert.deepEqual(seen, { messages, members, pinned, own }, message);
}

/**
 * Ask for the page of another room as it is now. Its answer comes later: when the function that is returned is called.
 *
 * @param {ReturnType<typeof page>} live
 * @param {Service} service
 * @param {string} id
 */
function switching(live, service, id) {
  /** @type {RoomChange[]} */
  const since = [];
  const left = new AbortController();
  live.mirror.subscribe((event) => event && since.push(event), left.signal);
  const loaded = structuredClone(service.fresh(id));
  return () => {
    left.abort();
    if (live.open !== null) live.mirror.close(live.open);
    live.open = id;
    live.client.open(loaded, since);
  };
}

function opened() {
  const service = new Service({ me: PEOPLE[ME], people: PEOPLE, refusal });
  for (const room of ROOMS) {
    const opener = room === "c" ? 2 : ME;
    service.record("room_opened", room, opener);
    service.record("user_joined", room, opener);
  }
  return service;
}

/**
 * Something happens that the rules allow.
 *
 * @param {Service} service
 * @param {Random} random
 */
function happen(service, random) {
  const room = random.one(ROOMS);
  if (random.number() < 0.08) return service.crowd(room, someMoves(service, room, random));
  const user = random.one([1, 1, 2, 3]);
  if (!service.isMember(room, user)) service.record("user_joined", room, user);
  else if (random.number() < 0.25) service.record("user_left", room, user);
  else if (random.number() < 0.1) service.record("room_renamed", room, user, `Room ${random.below(1000)}`);
  else if (random.number() < 0.15) erase(service, room, random);
  else if (random.number() < 0.5) discuss(service, room, user, random);
  else service.record("message_added", room, user, `${random.below(1000)}`);
  const reads = random.number() < 0.1 && service.isMember(room, ME);
  if (reads) service.read(room, random.below(service.room(room).version + 1));
}

/**
 * Some words go; those of some versions may have gone before.
 *
 * @param {Service} service
 * @param {string} room
 * @param {Random} random
 */
function erase(service, room, random) {
  const said = service.log.filter((event) => event.roomId === room && event.type === "message_added");
  const messages = said.map((event) => event.version).filter(() => random.number() < 0.3);
  const edits = service.log.filter((event) => event.roomId === room && event.type === "message_edited");
  const edited = edits.filter(({ content }) => messages.includes(JSON.parse(content).message));
  const versions = [...messages, ...edited.map((event) => event.version)].sort((a, b) => a - b);
  if (versions.length > 0) service.record("content_erased", room, 2, versions.join());
}

/**
 * A message is edited, retracted, pinned or reacted to, if the rules allow it.
 *
 * @param {Service} service
 * @param {string} room
 * @param {number} user
 * @param {Random} random
 */
function discuss(service, room, user, random) {
  const open = service.open(room).messages.filter(({ erased, retracted }) => !erased && !retracted);
  if (open.length === 0) return;
  const message = random.number() < 0.5 ? open[open.length - 1] : random.one(open);
  const emoji = random.one(["👍", "🎉"]);
  const has = message.reactions?.find((each) => each.emoji === emoji)?.users.some(({ id }) => id === user);
  const kind = random.one(["edit", "edit", "retract", "react", "react", "pin"]);
  const about = (/** @type {object} */ rest) => JSON.stringify({ message: message.id, ...rest });
  if (kind === "edit") service.record("message_edited", room, user, about({ content: `${random.below(1000)}` }));
  else if (kind === "retract") service.record("message_retracted", room, user, about({}));
  else if (kind === "react") service.record(has ? "reaction_removed" : "reaction_added", room, user, about({ emoji }));
  else service.record(message.pinned ? "message_unpinned" : "message_pinned", room, user, about({}));
}

/**
 * People, and among them perhaps the user, come and go.
 *
 * @param {Service} service
 * @param {string} room
 * @param {Random} random
 */
function someMoves(service, room, random) {
  const members = new Set([1, 2, 3].filter((user) => service.isMember(room, user)));
  return Array.from({ length: 1 + random.below(5) }, () => {
    const user = random.one([1, 2, 3]);
    /** @type {["user_joined" | "user_left", number]} */
    const move = [members.has(user) ? "user_left" : "user_joined", user];
    if (members.has(user)) members.delete(user);
    else members.add(user);
    return move;
  });
}

/** @type {Record<string, (service: Service) => void>} */
const EVENTS = {
  "a message of another user": (service) => service.record("message_added", "a", 2, "hello"),
  "a message of the user's own": (service) => service.record("message_added", "a", ME, "hello"),
  "a join": (service) => service.record("user_joined", "a", 3),
  "a leave": (service) => service.record("user_left", "a", 2),
  "an erasure": (service) => {
    service.record("message_added", "a", 2, "not for long");
    const { version } = /** @type {{ version: number }} */ (service.log.at(-1));
    service.record("content_erased", "a", 3, `${version}`);
    service.record("content_erased", "a", 3, `${version}`);
  },
  "a rename": (service) => service.record("room_renamed", "a", 2, "Bugs"),
  "renaming in another window": (service) => service.record("room_renamed", "a", ME, "Bugs"),
  "joining in another window": (service) => service.record("user_joined", "c", ME),
  "leaving in another window": (service) => service.record("user_left", "a", ME),
  "leaving and coming back": (service) => {
    service.record("user_left", "a", ME);
    service.record("message_added", "a", 2, "while they were away");
    service.record("user_joined", "a", ME);
    service.record("message_added", "a", 2, "welcome back");
  },
  "a crowd that comes and goes": (service) =>
    service.crowd("a", [["user_joined", 3], ["user_left", 2], ["user_joined", 2], ["user_left", 3]]),
  "a crowd in another room": (service) => service.crowd("b", [["user_joined", 2], ["user_joined", 3]]),
  "joining amid a crowd": (service) =>
    service.crowd("c", [["user_joined", 3], ["user_joined", ME], ["user_left", 2]]),
  "leaving amid a crowd": (service) =>
    service.crowd("a", [["user_joined", 3], ["user_left", ME], ["user_left", 2]]),
  "leaving and coming back amid a crowd": (service) =>
    service.crowd("b", [["user_joined", 3], ["user_left", ME], ["user_joined", 2], ["user_joined", ME]]),
  "reading in another window": (service) => {
    service.record("message_added", "a", 2, "hello");
    service.read("a", service.room("a").version);
  },
};

for (const [name, record] of Object.entries(EVENTS)) {
  test(`a live page equals a fresh one after ${name}`, async () => {
    const service = opened();
    service.record("user_joined", "a", 2);
    const live = page(service, "a");
    live.connection.subscribed();
    await quiet();
    record(service);
    live.connection.deliver();
    await quiet();
    assertIsFresh(live, service);
  });
}

test("a live page shows what happened between its load and its subscription", async () => {
  const service = opened();
  const live = page(service, "a");
  service.record("message_added", "a", ME, "from another window");
  live.connection.subscribed();
  await quiet();
  assertIsFresh(live, service);
  assert.equal(live.client.status, "live");
});

/** @type {Record<string, (publications: Delivery[], random: Random) => Delivery[]>} */
const DISTURBANCES = {
  "in order": (publications) => publications,
  doubled: (publications, random) => publications.flatMap((one) => (random.number() < 0.4 ? [one, one] : [one])),
  dropped: (publications, random) => publications.filter(() => random.number() < 0.7),
  swapped: (publications, random) => {
    const order = [...publications];
    for (let at = 1; at < order.length; at += 1) {
      if (random.number() < 0.4) [order[at - 1], order[at]] = [order[at], order[at - 1]];
    }
    return order;
  },
};
DISTURBANCES["dropped, doubled and swapped at once"] = (publications, random) =>
  ["dropped", "doubled", "swapped"].reduce((rest, kind) => DISTURBANCES[kind](rest, random), publications);

for (const [name, disturb] of Object.entries(DISTURBANCES)) {
  test(`a live page equals a fresh one when publications come ${name}`, async () => {
    for (let seed = 1; seed <= SEQUENCES; seed += 1) {
      const random = randomFrom(seed);
      const service = opened();
      const live = page(service, random.one(["a", "b", null]));
      let arrive = () => {};
      live.connection.subscribed();
      for (let step = 0; step < STEPS; step += 1) {
        happen(service, random);
        if (random.number() < 0.3) live.connection.deliver((publications) => disturb(publications, random));
        if (random.number() < 0.2) await quiet();
        if (random.number() < 0.03) live.connection.subscribed(); // a connection that lost its history
        if (random.number() < 0.02) service.pause();
        const room = random.one(ROOMS);
        if (random.number() < 0.1 && service.isMember(room, ME)) arrive = switching(live, service, room);
        else if (random.number() < 0.2) {
          arrive();
          arrive = () => {};
        }
      }
      live.connection.deliver((publications) => disturb(publications, random));
      await quiet();
      live.connection.deliver(); // what a pause or catching up left over
      if (name !== "in order") live.connection.subscribed(); // the very last one may be lost: nothing after it tells
      await quiet();
      assertIsFresh(live, service, `seed ${seed}`);
    }
  });
}

test("a room that is switched to shows what happened while its page was loaded, without another request", async () => {
  const service = opened();
  service.record("user_joined", "b", 2);
  const live = page(service, "a");
  live.connection.subscribed();
  await quiet();
  service.record("message_added", "b", 2, "before the page");
  const arrive = switching(live, service, "b");
  service.record("message_added", "b", 2, "while it is loaded");
  live.connection.deliver();
  service.record("message_added", "b", ME, "not delivered yet");
  const get = service.get.bind(service);
  service.get = (path) => assert.fail(`${path} is asked for`);
  arrive();
  await quiet();
  live.connection.deliver();
  await quiet();
  service.get = get;
  assertIsFresh(live, service);
  assert.equal(live.mirror.room("a")?.messages, null);
});

test("a page that is older than what is known of its room is completed", async () => {
  const service = opened();
  service.record("user_joined", "b", 2);
  const live = page(service, "a");
  live.connection.subscribed();
  await quiet();
  const arrive = switching(live, service, "b");
  service.record("message_added", "b", 2, "lost on the way");
  service.record("message_added", "b", 2, "arrives");
  live.connection.deliver((publications) => publications.slice(1));
  await quiet();
  live.mirror.load({ ...service.room("b") });
  arrive();
  await quiet();
  assertIsFresh(live, service);
});

test("what was read stays read when an earlier leave arrives later", () => {
  const service = opened();
  service.record("user_joined", "a", 2);
  const mirror = new Mirror(structuredClone(service.fresh("a")));
  service.record("user_left", "a", ME);
  service.record("user_joined", "a", ME);
  service.record("message_added", "a", 2, "hello");
  service.read("a", service.room("a").version);
  for (const { data } of service.published.toReversed()) {
    assert.ok("body" in data);
    if ("version" in data) mirror.receive(data);
    else mirror.receiveReading(data.body);
  }
  assertIsFresh({ mirror, open: "a" }, service);
});

test("a publication that was lost is missed at the next one of any room", async () => {
  const service = opened();
  const live = page(service, "a");
  live.connection.subscribed();
  await quiet();
  service.record("message_added", "a", ME, "lost");
  service.record("message_added", "b", ME, "arrives");
  live.connection.deliver((publications) => publications.slice(1));
  await quiet();
  assertIsFresh(live, service);
});

test("what is published while the server is away is fetched when it answers again", async () => {
  const service = opened();
  const live = page(service, "a");
  const get = service.get.bind(service);
  let failures = 2;
  service.get = async (path) => {
    if (failures-- > 0) throw new ApiError(503, { detail: "not now" });
    return get(path);
  };
  service.record("message_added", "a", ME, "hello");
  live.connection.subscribed();
  while (live.client.status !== "live") await new Promise((resolve) => setTimeout(resolve, 20));
  assertIsFresh(live, service);
});

test("a crowd costs a page that does not show all members no request", async () => {
  const service = opened();
  const live = page(service);
  live.connection.subscribed();
  await quiet();
  /** @type {string[]} */
  const asked = [];
  const get = service.get.bind(service);
  service.get = (path) => {
    asked.push(path);
    return get(path);
  };
  service.crowd("a", [["user_joined", 2], ["user_joined", 3]]);
  live.connection.deliver();
  await quiet();
  assertIsFresh(live, service);
  assert.deepEqual(asked, []);
});

test("ranges of a crowd that overlap, and single events of it, add up", () => {
  const service = opened();
  service.crowd("a", [["user_joined", 2], ["user_joined", 3], ["user_left", 2]]);
  const first = /** @type {RangeEvent} */ (service.published.at(-1)?.data);
  const behind = new Mirror(structuredClone(service.fresh()));
  service.crowd("a", [["user_joined", 2], ["user_left", 3]]);
  const second = /** @type {RangeEvent} */ (service.published.at(-1)?.data);
  const wider = structuredClone(second);
  wider.body.from = first.body.from + 1;
  behind.receive(wider);
  behind.receive(first);
  assertIsFresh({ mirror: behind, open: null }, service);
});

test("a range does not hide that the user left and came back in it", async () => {
  const service = opened();
  service.record("user_joined", "a", 2);
  service.record("message_added", "a", 2, "unread");
  const open = service.open("a");
  const members = open.members.slice(0, 1); // as in a room with many
  const mirror = new Mirror(structuredClone({ ...service.fresh("a"), open: { ...open, members } }));
  const before = service.published.length;
  service.crowd("a", [["user_joined", 3], ["user_left", ME], ["user_joined", ME], ["user_left", 3]]);
  for (const { data } of service.published.slice(before)) mirror.receive(/** @type {RangeEvent} */ (data));
  assert.deepEqual(mirror.behind.map(({ id }) => id), ["a"]);
  const { events } = await service.get(`/api/rooms/a/events/?after=${mirror.room("a")?.version}&limit=1000`);
  for (const event of events) mirror.receive(event);
  assertIsFresh({ mirror, open: null }, service);
});

/** A user in 130 rooms, `0` to `129`; another one in each of them said something, in the last room last. */
function openedMany() {
  const service = new Service({ me: PEOPLE[ME], people: PEOPLE, refusal });
  for (let number = 0; number < 130; number += 1) {
    const room = String(number).padStart(3, "0");
    service.record("room_opened", room, 2);
    service.record("user_joined", room, 2);
    service.record("user_joined", room, ME);
    service.record("message_added", room, 2, "hello");
  }
  return service;
}

/** Of 130 rooms, the first thirty are on no list. @type {Record<string, (service: Service) => void>} */
const IN_MANY_ROOMS = {
  "a message in a room beyond the list": (service) => service.record("message_added", "003", 2, "over here"),
  "a join in a room beyond the list": (service) => service.record("user_joined", "003", 3),
  "several messages in rooms beyond the list": (service) => {
    for (const room of ["003", "004", "003", "129", "000"]) service.record("message_added", room, 2, "over here");
  },
  "leaving a listed room": (service) => service.record("user_left", "100", ME),
  "leaving a room beyond the list": (service) => service.record("user_left", "003", ME),
  "a join beyond the list, and leaving listed rooms": (service) => {
    service.record("user_joined", "003", 3);
    for (const room of ["100", "101", "129"]) service.record("user_left", room, ME);
  },
  "leaving and coming back": (service) => {
    service.record("user_left", "100", ME);
    service.record("user_joined", "100", ME);
  },
  "leaving all but a few": (service) => {
    for (let number = 10; number < 130; number += 1) service.record("user_left", String(number).padStart(3, "0"), ME);
  },
};

for (const [name, record] of Object.entries(IN_MANY_ROOMS)) {
  test(`the list of somebody in many rooms equals a fresh one after ${name}`, async () => {
    const service = openedMany();
    const live = page(service);
    live.connection.subscribed();
    await quiet();
    record(service);
    live.connection.deliver();
    await quiet();
    await quiet();
    assertIsFresh(live, service);
  });
}

test("an open room beyond the list is listed when it is bumped", async () => {
  const service = openedMany();
  const live = page(service, "003");
  live.connection.subscribed();
  await quiet();
  assertIsFresh(live, service);
  service.record("message_added", "003", ME, "hello");
  live.connection.deliver();
  await quiet();
  assertIsFresh(live, service);
});

for (const [name, record] of Object.entries(IN_MANY_ROOMS)) {
  test(`a page that was sent with forty rooms, all read, equals a fresh one after ${name}`, async () => {
    const service = openedMany();
    service.readAll();
    const live = page(service, null, 40);
    live.connection.subscribed();
    await quiet();
    assertIsFresh(live, service, "before", 40);
    record(service);
    live.connection.deliver();
    await quiet();
    await quiet();
    assertIsFresh(live, service, "after", live.mirror.rooms.length);
    live.client.listMore();
    await quiet();
    assertIsFresh(live, service, "with all of the list");
  });
}

test("a page that was sent with forty rooms lists more where something is unread in others", async () => {
  const service = openedMany();
  const live = page(service, null, 40);
  assert.equal(live.mirror.rooms.length, 40);
  live.connection.subscribed();
  await quiet();
  await quiet();
  assertIsFresh(live, service);
});

test("a page that was sent with forty rooms lists as many as a page that takes its place", async () => {
  const service = openedMany();
  service.readAll();
  const live = page(service, null, 40);
  live.connection.subscribed();
  await quiet();
  live.client.open(structuredClone(service.fresh()), []);
  assertIsFresh(live, service);
});
