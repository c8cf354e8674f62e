// centrifuge-js, unmodified, driven from outside.
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

import { obey, say } from "./commands.mjs";

/**
 * @import { HistoryOptions, PublicationContext, SubscribedContext } from "centrifuge"
 */

/**
 * Each request for a token takes the next one; the last is used again and again.
 *
 * @param {string[]} tokens
 * @param {string | null} channel
 */
const tokenFrom = (tokens, channel) => ({
  getToken: async () => {
    say("token_wanted", { channel });
    const [token] = tokens.length > 1 ? tokens.splice(0, 1) : tokens;
    return token;
  },
});

/** @param {{ code: number, reason: string }} ctx */
const stateChange = ({ code, reason }) => ({ code, reason });
/**
 * @param {string} channel
 * @param {Partial<SubscribedContext>} ctx
 */
const subscribed = (channel, ctx) => ({
  channel, recovered: ctx.recovered, was_recovering: ctx.wasRecovering, recoverable: ctx.recoverable,
  offset: ctx.streamPosition?.offset, data: ctx.data,
});
/**
 * @param {string} channel
 * @param {PublicationContext} ctx
 */
const publication = (channel, ctx) => ({ channel, data: ctx.data, offset: ctx.offset, user: ctx.info?.user });

let client = /** @type {Centrifuge | null} */ (null);

function connected() {
  if (client === null) throw new Error("not connected");
  return client;
}

/** @param {string} channel */
function subscriptionOf(channel) {
  const subscription = connected().getSubscription(channel);
  if (subscription === null) throw new Error(`no subscription to ${channel}`);
  return subscription;
}

/** @typedef {{ channel: string }} Channel */

const commands = {
  async connect(/** @type {{ url: string, tokens?: string[] }} */ { url, tokens }) {
    client = new Centrifuge(url, {
      websocket: WebSocket, ...(tokens && tokenFrom(tokens, null)),
      minReconnectDelay: 50, maxReconnectDelay: 200,
    });
    client.on("connecting", (ctx) => say("connecting", stateChange(ctx)));
    client.on("connected", (ctx) => say("connected", { client: ctx.client }));
    client.on("disconnected", (ctx) => say("disconnected", stateChange(ctx)));
    client.on("error", (ctx) => say("error", { code: ctx.error.code }));
    client.on("subscribed", (ctx) => say("server_subscribed", subscribed(ctx.channel, ctx)));
    client.on("unsubscribed", (ctx) => say("server_unsubscribed", { channel: ctx.channel }));
    client.on("publication", (ctx) => say("server_publication", publication(ctx.channel, ctx)));
    client.connect();
  },
  async disconnect() {
    connected().disconnect();
  },
  async subscribe(/** @type {Channel & { tokens?: string[] }} */ { channel, tokens }) {
    const options = { ...(tokens && tokenFrom(tokens, channel)), minResubscribeDelay: 50, maxResubscribeDelay: 200 };
    let subscription = connected().getSubscription(channel);
    if (subscription === null) {
      subscription = connected().newSubscription(channel, options);
      subscription.on("subscribing", (ctx) => say("subscribing", { channel, ...stateChange(ctx) }));
      subscription.on("subscribed", (ctx) => say("subscribed", subscribed(channel, ctx)));
      subscription.on("unsubscribed", (ctx) => say("unsubscribed", { channel, ...stateChange(ctx) }));
      subscription.on("error", (ctx) => say("subscription_error", { channel, code: ctx.error.code }));
      subscription.on("publication", (ctx) => say("publication", publication(channel, ctx)));
      subscription.on("join", (ctx) => say("join", { channel, user: ctx.info.user }));
      subscription.on("leave", (ctx) => say("leave", { channel, user: ctx.info.user }));
    }
    subscription.subscribe();
  },
  async unsubscribe(/** @type {Channel} */ { channel }) {
    subscriptionOf(channel).unsubscribe();
  },
  async publish(/** @type {Channel & { data: unknown }} */ { channel, data }) {
    await connected().publish(channel, data);
    return {};
  },
  async presence(/** @type {Channel} */ { channel }) {
    const { clients } = await connected().presence(channel);
    return { users: Object.values(clients).map((info) => info.user).sort() };
  },
  async presence_stats(/** @type {Channel} */ { channel }) {
    const { numClients, numUsers } = await connected().presenceStats(channel);
    return { num_clients: numClients, num_users: numUsers };
  },
  async history(/** @type {Channel & HistoryOptions} */ { channel, ...options }) {
    const { publications, offset, epoch } = await connected().history(channel, options);
    return { publications: publications.map((each) => ({ data: each.data, offset: each.offset })), offset, epoch };
  },
};

await obey(commands);
client?.disconnect();
process.exit(0);
