// centrifuge-js, unmodified, driven from outside.
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

import { obey, say } from "./commands.mjs";

// Each request for a token takes the next one; the last one is used again and again.
const tokenFrom = (tokens, channel) => ({
  getToken: async () => {
    say("token_wanted", { channel });
    return tokens.length > 1 ? tokens.shift() : tokens[0];
  },
});

const stateChange = ({ code, reason }) => ({ code, reason });
const subscribed = (channel, ctx) => ({
  channel, recovered: ctx.recovered, was_recovering: ctx.wasRecovering, recoverable: ctx.recoverable,
  offset: ctx.streamPosition?.offset, data: ctx.data,
});
const publication = (channel, ctx) => ({ channel, data: ctx.data, offset: ctx.offset, user: ctx.info?.user });

let client;

const commands = {
  async connect({ url, tokens }) {
    client = new Centrifuge(url, {
      websocket: WebSocket, ...(tokens && tokenFrom(tokens, null)),
      minReconnectDelay: 50, maxReconnectDelay: 200, minResubscribeDelay: 50, maxResubscribeDelay: 200,
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
    client.disconnect();
  },
  async subscribe({ channel, tokens }) {
    const options = { ...(tokens && tokenFrom(tokens, channel)), minResubscribeDelay: 50, maxResubscribeDelay: 200 };
    const subscription = client.getSubscription(channel) ?? client.newSubscription(channel, options);
    if (subscription.listenerCount("subscribed") === 0) {
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
  async unsubscribe({ channel }) {
    client.getSubscription(channel).unsubscribe();
  },
  async publish({ channel, data }) {
    await client.publish(channel, data);
    return {};
  },
  async presence({ channel }) {
    const { clients } = await client.presence(channel);
    return { users: Object.values(clients).map((info) => info.user).sort() };
  },
  async presence_stats({ channel }) {
    const { numClients, numUsers } = await client.presenceStats(channel);
    return { num_clients: numClients, num_users: numUsers };
  },
  async history({ channel, ...options }) {
    const { publications, offset, epoch } = await client.history(channel, options);
    return { publications: publications.map(({ data, offset }) => ({ data, offset })), offset, epoch };
  },
};

await obey(commands);
client?.disconnect();
process.exit(0);
