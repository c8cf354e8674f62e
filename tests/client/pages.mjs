// The library with the real centrifuge-js: pages without a browser, driven from outside (see ../open_pages.py).
import { Centrifuge } from "centrifuge";
import WebSocket from "ws";

import { Api } from "../../static/onrecord/api.js";
import { Client } from "../../static/onrecord/client.js";
import { Mirror } from "../../static/onrecord/mirror.js";
import { obey } from "../realtime/commands.mjs";

const SOON = { minReconnectDelay: 20, maxReconnectDelay: 50, minResubscribeDelay: 20, maxResubscribeDelay: 50 };

const pages = new Map();

/** An open room as a page shows it; null where its owner is not in it. */
function openRoom({ mirror, open }) {
  const room = open === null ? undefined : mirror.room(open);
  if (room === undefined || room.isLeft) return null;
  return { room: room.shown, messages: room.messages, members: room.members };
}

const commands = {
  /** `state` is what the page was loaded with, `cookie` its owner's session. */
  async open({ page, state, origin, cookie, url }) {
    const signedIn = (path, options) => fetch(path, { ...options, headers: { ...options.headers, cookie } });
    const mirror = new Mirror(state);
    const api = new Api({ origin, fetch: signedIn });
    const options = { websocket: WebSocket, ...SOON };
    const client = new Client({ mirror, api, Centrifuge, url, options });
    pages.set(page, { mirror, client, open: state.open?.room.id ?? null });
    client.start();
  },
  async status({ page }) {
    return pages.get(page).client.status;
  },
  async list({ page }) {
    const { mirror } = pages.get(page);
    return { rooms: mirror.rooms, unread: Object.fromEntries(mirror.rooms.map(({ id }) => [id, mirror.unread(id)])) };
  },
  async room({ page }) {
    return openRoom(pages.get(page));
  },
  async close({ page }) {
    pages.get(page).client.close();
    pages.delete(page);
  },
};

await obey(commands);
process.exit(0);
