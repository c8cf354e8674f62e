// The library with the real centrifuge-js: pages without a browser, driven from outside (see ../support/open_pages.py).
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

import { Api } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";
import { obey } from "../support/realtime/commands.mjs";

const PACE = { pollMs: 500, checkMs: 1000, returnMs: 500, mostMs: 5000, spreadMs: 500 };
const SOON = { minReconnectDelay: 20, maxReconnectDelay: 50, minResubscribeDelay: 20, maxResubscribeDelay: 50 };

/** @type {Map<string, Page>} */
const pages = new Map();

/** @param {{ page: string }} command */
function opened({ page }) {
  const found = pages.get(page);
  if (found === undefined) throw new Error(`${page} is not open`);
  return found;
}

/**
 * @import { PageState } from "../../static/onrecord/shapes.js"
 */

/** @typedef {{ mirror: Mirror, client: Client, open: string | null }} Page */

/**
 * An open room as a page shows it; null where its owner is not in it.
 *
 * @param {Page} page
 */
function openRoom({ mirror, open }) {
  const room = open === null ? undefined : mirror.room(open);
  if (room === undefined || room.isLeft) return null;
  return { room: room.shown, messages: room.messages, members: room.members, pinned: room.pinned };
}

/**
 * What the page is loaded with, as soon as the server can answer.
 *
 * @param {() => Promise<Response>} load
 * @returns {Promise<PageState>}
 */
async function loadedState(load) {
  for (;;) {
    const html = await load().then((response) => response.text(), () => "");
    const found = /data-state="([^"]*)"/.exec(html);
    if (found !== null) return JSON.parse(unescaped(found[1]));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** @type {Record<string, string>} */
const NAMED = { lt: "<", gt: ">", quot: '"', amp: "&" };

/** @param {string} text */
function unescaped(text) {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (_, code, name) => (code ? String.fromCharCode(code) : NAMED[name]));
}

const commands = {
  /**
   * @param {object} command
   * @param {string} command.page
   * @param {string} command.path
   * @param {PageState} command.state what the page was loaded with
   * @param {string} command.origin
   * @param {string} command.cookie its owner's session
   * @param {string} command.url
   */
  async open({ page, path, state, origin, cookie, url }) {
    /** @type {typeof fetch} */
    const signedIn = (address, options) => {
      const headers = new Headers(options?.headers);
      headers.set("cookie", cookie);
      return fetch(address, { ...options, headers });
    };
    const api = new Api({ userId: state.user.id, origin, fetch: signedIn });
    const options = { websocket: WebSocket, ...SOON };
    const reload = async () => {
      if (pages.has(page)) start(await loadedState(() => signedIn(origin + path)));
    };
    /** @param {PageState} loaded */
    const start = (loaded) => {
      const mirror = new Mirror(loaded);
      const client = new Client({ mirror, api, Centrifuge, url, options, pace: PACE, onRestarted: reload });
      pages.set(page, { mirror, client, open: loaded.open?.room.id ?? null });
      client.start();
    };
    start(state);
  },
  async status(/** @type {{ page: string }} */ command) {
    return opened(command).client.status;
  },
  async list(/** @type {{ page: string }} */ command) {
    const { mirror } = opened(command);
    return { rooms: mirror.rooms, unread: Object.fromEntries(mirror.rooms.map(({ id }) => [id, mirror.unread(id)])) };
  },
  async room(/** @type {{ page: string }} */ command) {
    return openRoom(opened(command));
  },
  async close(/** @type {{ page: string }} */ command) {
    opened(command).client.close();
    pages.delete(command.page);
  },
};

await obey(commands);
process.exit(0);
