/** Another channel than one's own, over the same connection. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";

class Unauthorized extends Error {}

/** centrifuge-js, keeping what it was asked for. */
class Centrifuge extends EventEmitter {
  static UnauthorizedError = Unauthorized;
  subscriptions = new Map();

  newSubscription(channel, { getToken }) {
    const subscription = Object.assign(new EventEmitter(), { getToken, isSubscribed: false });
    subscription.subscribe = () => (subscription.isSubscribed = true);
    this.subscriptions.set(channel, subscription);
    return subscription;
  }

  connect() {}
  disconnect() {}
}

function listener(get) {
  let connection;
  const Connection = class extends Centrifuge {
    constructor() {
      super();
      connection = this;
    }
  };
  let loggedOut = 0;
  const mirror = new Mirror({ user: { id: 1, username: "ada" }, position: 7, rooms: [] });
  const client = new Client({ mirror, api: { get }, Centrifuge: Connection, url: "", onLoggedOut: () => (loggedOut += 1) });
  const heard = [];
  client.listen("operations:figures", (data) => heard.push(data));
  return { mirror, heard, subscription: connection.subscriptions.get("operations:figures"), loggedOut: () => loggedOut };
}

test("what is published on another channel is heard and leaves the mirror alone", async () => {
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

test("somebody who may not listen there goes on with everything else", async () => {
  const { subscription, loggedOut } = listener(async () => {
    throw new ApiError(403, { detail: "permission denied" });
  });
  await assert.rejects(subscription.getToken(), Unauthorized);
  subscription.emit("unsubscribed", { code: 1 });
  assert.equal(loggedOut(), 0);
});
