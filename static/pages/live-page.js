import { Api } from "../onrecord/api.js";
import { Client } from "../onrecord/client.js";
import { newKey } from "../onrecord/keys.js";
import { Mirror } from "../onrecord/mirror.js";
import { Outbox } from "../onrecord/outbox.js";
import { Sender } from "../onrecord/sender.js";
import { UserStore, browserStorage } from "../onrecord/user-store.js";
import { find, findAll } from "./dom.js";
import { RoomList } from "./room-list.js";

/**
 * @import { Status } from "../onrecord/realtime/status.js"
 * @import { PageState } from "../onrecord/shapes.js"
 */

/** @type {Record<Status, [string, string]>} */
const STATUS_TEXT = {
  connecting: ["Connecting", ""],
  live: ["Live", ""],
  late: ["Delayed", "The server delivers late: new messages appear within seconds, not at once."],
  polling: ["Polling", "No real-time connection: this page asks for new messages every few seconds."],
  offline: ["Offline", "No answer from the server: what you write is sent when it is back."],
};

/**
 * What every page has after login: a mirror that starts from what the page shows, the rooms, the connection status, and
 * what is still to be sent, from whichever page it was written on.
 */
export function startLivePage() {
  /** @type {PageState} */
  const element = find(document, "#state");
  const state = JSON.parse(element.dataset.state ?? "");
  delete element.dataset.state; // erased words must not stay in it
  const mirror = new Mirror(state);
  const api = new Api({ userId: state.user.id, onBuild: showVersion });
  const store = new UserStore(state.user.id, browserStorage());
  const outbox = new Outbox(store, newKey);
  const sender = new Sender({
    ...{ outbox, api },
    onSent: (event) => client.receive(event),
    onStop: (error) => (error.isOtherUser ? stopForOtherUser() : askToLogIn()),
  });
  const client = new Client({
    mirror,
    api,
    Centrifuge: globalThis.Centrifuge,
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`,
    onStatus: (status) => {
      showStatus(status);
      if (status !== "offline") sender.wake();
    },
    onLoggedOut: askToLogIn,
    onOtherUser: stopForOtherUser,
    onRestarted: reloadOnceServed,
  });

  function stopForOtherUser() {
    sender.stop();
    client.close();
    showStatus("offline");
    find(document, ".other-user").hidden = false;
  }

  const lists = [...findAll(document, "[data-rooms]")].map((list) => new RoomList(list, mirror));
  onChange(mirror, () => lists.forEach((list) => list.render()));
  showStatus(client.status);
  document.documentElement.classList.add("scripted");
  addEventListener("online", () => wake(client, sender));
  document.addEventListener("visibilitychange", () => document.hidden || wake(client, sender));
  addEventListener("beforeunload", (event) => store.isSafe || event.preventDefault());
  client.start();
  sender.wake();
  return { mirror, api, client, store, outbox, sender, open: state.open ?? null };
}

/** The page stays as it is, with everything typed, and a link leads to login and back. */
function askToLogIn() {
  const notice = find(document, ".logged-out");
  const here = location.pathname + location.search;
  find(notice, "a", HTMLAnchorElement).href = `/login/?next=${encodeURIComponent(here)}`;
  notice.hidden = false;
}

/** Load the page again; not while the service cannot answer, since a page that says so stays. */
async function reloadOnceServed() {
  const isServed = () => fetch(location.href).then(({ status }) => status < 500, () => false);
  while (!(await isServed())) await new Promise((resolve) => setTimeout(resolve, 1000));
  location.reload();
}

/**
 * Offer to load the page again when the server has another version of it.
 *
 * @param {string | null} build of an answer; null where a proxy answered
 */
function showVersion(build) {
  if (build !== null) find(document, ".new-version").hidden = build === document.documentElement.dataset.build;
}

/**
 * @param {Client} client
 * @param {Sender} sender
 */
function wake(client, sender) {
  client.wake();
  sender.wake();
}

/** @param {Status} status */
function showStatus(status) {
  const element = find(document, ".status");
  const [text, explanation] = STATUS_TEXT[status];
  element.dataset.status = status;
  element.title = explanation;
  find(element, ".status-text").textContent = text;
}

/**
 * Call `render` once for all changes before the next animation frame. A hidden window has no frames and renders soon.
 *
 * @param {Mirror} mirror
 * @param {() => void} render
 */
export function onChange(mirror, render) {
  let isPlanned = false;
  mirror.subscribe(() => {
    if (isPlanned) return;
    isPlanned = true;
    const run = () => {
      isPlanned = false;
      render();
    };
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  });
}
