/** Channels other than the personal one, over the same connection. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";

class Unauthorized extends Error {}

/** @type {Map<string, Subscription>} */
const subscriptions = new Map();

class Subscription extends EventEmitter {
  isSubscribed = false;

  /** @param {() => Promise<string>} getToken */
  constructor(getToken) {
    super();
    this.getToken = getToken;
  }

  subscribe() {
    this.isSubscribed = true;
  }
}

/** centrifuge-js, which remembers its subscriptions. */
class Connection extends EventEmitter {
  static UnauthorizedError = Unauthorized;

  /**
   * @param {string} channel
   * @param {{ getToken?: () => Promise<string> }} options
   */
  newSubscription(channel, { getToken }) {
    const subscription = new Subscription(getToken ?? (async () => ""));
    subscriptions.set(channel, subscription);
    return subscription;
  }

  connect() {}
  disconnect() {}
}

const Centrifuge = /** @type {typeof import("centrifuge").Centrifuge} */ (/** @type {unknown} */ (Connection));

/** @param {(path: string) => Promise<{ token: string }>} get */
function listener(get) {
  let loggedOut = 0;
  const mirror = new Mirror({ user: { id: 1, username: "ada" }, position: 7, rooms: [] });
  const client = new Client({ mirror, api: { get }, Centrifuge, url: "", onLoggedOut: () => (loggedOut += 1) });
  /** @type {object[]} */
  const heard = [];
  client.listen("operations:figures", (data) => heard.push(data));
  const subscription = subscriptions.get("operations:figures");
  assert.ok(subscription);
  return { mirror, heard, subscription, loggedOut: () => loggedOut };
}

test("what is published on another channel is heard and leaves the mirror alone", async () => {
  /** @type {string[]} */
  const asked = [];
  const { mirror, heard, subscription } = listener(async (path) => {
    asked.push(path);
    return { token: "a token" };
  });
  assert.ok(subscription.isSubscribed);
  assert.equal(await subscription.getToken(), "a token");
  assert.deepEqual(asked, ["/api/token/subscription/?channel=operations%3Afigures"]);
  subscription.emit("publication", { data: { type: "operations_figures", position: 99, body: {} } });
  assert.deepEqual(heard, [{ type: "operations_figures", position: 99, body: {} }]);
  assert.equal(mirror.position, 7);
});

test("a user who may not listen there stays logged in", async () => {
  const { subscription, loggedOut } = listener(async () => {
    throw new ApiError(403, { detail: "permission denied" });
  });
  await assert.rejects(subscription.getToken(), Unauthorized);
  subscription.emit("unsubscribed", { code: 1 });
  assert.equal(loggedOut(), 0);
});
