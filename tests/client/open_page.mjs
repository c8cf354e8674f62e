// An open page without a browser: the library with the real centrifuge-js, on a network that may fail.
import { Centrifuge } from "centrifuge";

import { Api } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { isRange } from "../../static/onrecord/events.js";
import { newKey } from "../../static/onrecord/keys.js";
import { Mirror } from "../../static/onrecord/mirror.js";
import { Outbox } from "../../static/onrecord/outbox.js";
import { Sender } from "../../static/onrecord/sender.js";
import { UserStore } from "../../static/onrecord/user-store.js";
import { Network } from "./network.mjs";
import { FakeStorage } from "./storage.mjs";

/**
 * @import { AnsweredEvent, Message, PageState, RoomChange } from "../../static/onrecord/shapes.js"
 */

/**
 * @typedef {object} Loaded What runs in a page from one load to the next.
 * @property {Mirror} mirror
 * @property {Client} client
 * @property {Outbox} outbox
 * @property {Sender} sender
 * @property {AbortController} left ends its requests
 */

/** @typedef {{ version: number } | { refusal: string }} Outcome What became of a message. */

const PACE = { pollMs: 500, checkMs: 1000, returnMs: 500, mostMs: 5000, spreadMs: 500 };
const SOON = { minReconnectDelay: 20, maxReconnectDelay: 50, minResubscribeDelay: 20, maxResubscribeDelay: 50 };
const RETRY_MS = 100;

/** A page of one user. It loads again by itself when the log went back, with what was still to be sent. */
export class OpenPage {
  /** Of the room that is open. @type {string | null} */
  #open = null;
  /** @type {Loaded | null} */
  #loaded = null;
  /** Ends the request for the next page. */
  #request = new AbortController();
  #isClosed = false;
  #storage = new FakeStorage();
  /** Who waits for what becomes of a message, by its content. @type {Map<string, (outcome: Outcome) => void>} */
  #saying = new Map();
  /** How many subscriptions to the personal channel there were. */
  #subscriptions = 0;
  #path;
  #network;
  #url;
  #tell;

  /**
   * @param {object} parts
   * @param {string} parts.path
   * @param {string[]} parts.origins of processes of the service: each request goes to one of them
   * @param {string} parts.cookie its owner's session
   * @param {string} parts.url of the WebSocket
   * @param {(event: string, fields: object) => void} parts.tell called with everything that arrives
   */
  constructor({ path, origins, cookie, url, tell }) {
    this.#path = path;
    this.#network = new Network({ origins, cookie });
    this.#url = url;
    this.#tell = tell;
  }

  /** @param {PageState} state what the page was loaded with */
  start(state) {
    const left = new AbortController();
    const userId = state.user.id;
    const api = new Api({ userId, fetch: (path, options) => this.#network.fetch(path, options, left.signal) });
    const mirror = new Mirror(state);
    const outbox = new Outbox(new UserStore(userId, this.#storage), newKey);
    const sender = new Sender({ outbox, api, onSent: (event) => this.#sent(event) });
    const client = new Client({
      ...{ mirror, api, Centrifuge: this.#centrifuge(), url: this.#url, pace: PACE },
      options: { websocket: this.#network.WebSocket, ...SOON },
      onStatus: (status) => status !== "offline" && sender.wake(),
      onRestarted: () => this.#restart(),
    });
    mirror.subscribe((event) => {
      if (event === null || isRange(event) || event.body.user.id !== userId) return;
      outbox.confirm(event);
      if ("content" in event.body && event.idempotency_key !== undefined)
        this.#settle(event.body.content, { version: event.version });
    });
    sender.onChange = () => this.#findRefused(outbox);
    this.#loaded = { mirror, client, outbox, sender, left };
    this.#open = state.open?.room.id ?? null;
    client.start();
    sender.wake();
  }

  close() {
    this.#isClosed = true;
    this.#leave();
    this.#network.cut();
  }

  get status() {
    return this.#now.client.status;
  }

  get list() {
    const { mirror } = this.#now;
    const counts = mirror.rooms.map(({ id }) => [id, [mirror.unread(id), mirror.mentions(id), mirror.isMuted(id)]]);
    return { rooms: mirror.rooms, unread: Object.fromEntries(counts), invitations: mirror.invitations };
  }

  /** The open room; null where its owner is not in it. */
  get room() {
    const room = this.#open === null ? undefined : this.#now.mirror.room(this.#open);
    if (room === undefined || room.isLeft) return null;
    const { messages, members, pinned, own } = room;
    return { room: room.shown, messages, members, pinned, own };
  }

  /**
   * Put another page in place of this one, as soon as the service answers.
   *
   * @param {string} path
   */
  async go(path) {
    const { mirror, client } = this.#now;
    this.#path = path;
    this.#request.abort();
    const { signal } = (this.#request = new AbortController());
    /** @type {RoomChange[]} */
    const since = [];
    mirror.subscribe((event) => event && since.push(event), signal);
    const state = await this.#load();
    if (signal.aborted) return; // for another page, or loaded again
    this.#request.abort();
    if (this.#open !== null) mirror.close(this.#open);
    client.open(state, since);
    this.#open = state.open?.room.id ?? null;
  }

  /**
   * Type a message, and send it again and again until it is recorded or refused.
   *
   * @param {string} roomId
   * @param {string} content
   * @returns {Promise<Outcome>}
   */
  async say(roomId, content) {
    /** @type {Promise<Outcome>} */
    const outcome = new Promise((resolve) => this.#saying.set(content, resolve));
    this.#now.outbox.add(roomId, content);
    this.#now.sender.wake();
    const impatience = setInterval(() => this.#now.sender.wake(), RETRY_MS);
    try {
      return await outcome;
    } finally {
      clearInterval(impatience);
    }
  }

  /** Lose the connection, as when driving through a tunnel. */
  disconnect() {
    this.#network.cut();
  }

  /** As a computer does: neither connection nor requests until it wakes. */
  sleep() {
    this.#network.sleep();
  }

  wake() {
    this.#network.wake();
  }

  get #now() {
    if (this.#loaded === null) throw new Error("the page is not loaded");
    return this.#loaded;
  }

  #leave() {
    this.#request.abort();
    this.#loaded?.client.close();
    this.#loaded?.sender.stop();
    this.#loaded?.left.abort();
  }

  async #restart() {
    this.#leave();
    this.#tell("restarted", {});
    /** @type {PageState} */
    let state;
    let path;
    do {
      path = this.#path;
      state = await this.#load();
    } while (path !== this.#path);
    if (!this.#isClosed) this.start(state);
  }

  /**
   * What the page is loaded with, as soon as the service can answer.
   *
   * @returns {Promise<PageState>}
   */
  async #load() {
    for (;;) {
      const html = await this.#network.fetch(this.#path).then((response) => response.text(), () => "");
      const found = /data-state='([^']*)'/.exec(html);
      if (found !== null) return JSON.parse(unescaped(found[1]));
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  /** @param {AnsweredEvent<Message>} event */
  #sent(event) {
    this.#now.client.receive(event);
    this.#settle(event.body.content, { version: event.version });
  }

  /** @param {Outbox} outbox */
  #findRefused(outbox) {
    for (const message of outbox.roomIds.flatMap((id) => outbox.of(id))) {
      if (message.state !== "refused") continue;
      outbox.remove(message);
      this.#settle(message.content, { refusal: message.problem });
    }
  }

  /**
   * @param {string} content
   * @param {Outcome} outcome
   */
  #settle(content, outcome) {
    this.#saying.get(content)?.(outcome);
    this.#saying.delete(content);
  }

  /** centrifuge-js's class, which tells what arrives in the personal channel, and of which history it is. */
  #centrifuge() {
    const tell = this.#tell;
    const count = () => (this.#subscriptions += 1);
    return class extends Centrifuge {
      /** @override @type {Centrifuge["newSubscription"]} */
      newSubscription(channel, options) {
        const subscription = super.newSubscription(channel, options);
        if (!channel.startsWith("personal:")) return subscription;
        const number = count();
        let history = "";
        subscription.on("subscribed", ({ recovered, wasRecovering, streamPosition }) => {
          history = `${streamPosition?.epoch} ${number}`;
          tell("subscribed", { history, recovered: wasRecovering && recovered });
          queueMicrotask(() => tell("recovered", { history })); // after the publications that were recovered
        });
        subscription.on("publication", ({ data, offset }) => tell("published", { history, offset, data }));
        return subscription;
      }
    };
  }
}

/** @type {Record<string, string>} */
const NAMED = { lt: "<", gt: ">", quot: '"', amp: "&" };

/** @param {string} text */
function unescaped(text) {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (_, code, name) => (code ? String.fromCharCode(code) : NAMED[name]));
}
