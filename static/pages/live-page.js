import { Api } from "../onrecord/api.js";
import { Client } from "../onrecord/client.js";
import { isRange } from "../onrecord/events.js";
import { newKey } from "../onrecord/keys.js";
import { Mirror } from "../onrecord/mirror.js";
import { Outbox, isOutgoing } from "../onrecord/outbox.js";
import { Sender } from "../onrecord/sender.js";
import { Uploads } from "../onrecord/uploads.js";
import { UserStore, browserStorage } from "../onrecord/user-store.js";
import { showInvitations } from "./attention/invitations.js";
import { Tab } from "./attention/tab.js";
import { find, findAll } from "./dom.js";
import { RoomList } from "./room-list.js";
import { fileSender } from "./send-file.js";
import { ServerClock } from "./server-clock.js";

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
 * What a page shows, as JSON in it.
 *
 * @param {Document} page
 * @returns {PageState}
 */
export const stateOf = (page) => JSON.parse(find(page, "#state").dataset.state ?? "");

/**
 * What every page has after login, and keeps while rooms are switched: a mirror that starts from what the page showed
 * first, the rooms, the connection status, and what is still to be sent, from whichever page it was written on.
 */
export class LivePage {
  /** Called when the server answers, after it did not. */
  onAnswer = () => {};
  #lists = /** @type {RoomList[]} */ ([]);
  /** What shows changes. @type {Set<() => void>} */
  #renderers = new Set();
  #isRenderPlanned = false;
  #uploads;

  constructor() {
    const state = stateOf(document);
    delete find(document, "#state").dataset.state; // erased words must not stay in it
    const { user } = state;
    this.user = user;
    /** Of the room that the page shows at first. */
    this.roomId = state.open?.room.id ?? null;
    /** That the page of the open room came with. */
    this.hereToken = state.open?.here_token ?? null;
    this.clock = new ServerClock();
    this.clock.tell(state.now);
    this.mirror = new Mirror(state);
    this.tab = new Tab(this.mirror);
    this.api = new Api({ userId: user.id, onBuild: showVersion });
    this.store = new UserStore(user.id, browserStorage());
    this.outbox = new Outbox(this.store, newKey);
    this.sender = new Sender({
      ...{ outbox: this.outbox, api: this.api },
      onSent: (event) => this.client.receive(event),
      onStop: (error) => (error.isOtherUser ? this.#stopForOtherUser() : askToLogIn()),
    });
    /** What is being uploaded, by room. @type {Map<string, Uploads>} */
    this.#uploads = new Map();
    this.client = new Client({
      ...{ mirror: this.mirror, api: this.api, Centrifuge: globalThis.Centrifuge },
      url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`,
      onStatus: (status) => this.#hasStatus(status),
      onLoggedOut: askToLogIn,
      onOtherUser: () => this.#stopForOtherUser(),
      onRestarted: () => reloadOnceServed(user.id),
    });
  }

  start() {
    const { user } = this;
    this.findLists();
    this.renderLists(); // the page came with the first rooms of the list
    this.mirror.subscribe((event) => {
      if (event !== null && !isRange(event) && event.body.user.id === user.id) this.outbox.confirm(event);
      this.#planRender();
    });
    addEventListener("storage", ({ key }) => {
      if (isOutgoing(this.store.nameOf(key ?? ""))) this.outbox.reload(); // another window sent or wrote something
      this.#planRender();
    });
    this.sender.onChange = () => this.#planRender();
    showStatus(this.client.status);
    document.documentElement.classList.add("scripted");
    addEventListener("online", () => this.#wake());
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
    addEventListener("beforeunload", (event) => this.#isAllKept || event.preventDefault());
    this.client.start();
    this.sender.wake();
  }

  /** The files for the next message of a room, whether its page is open or not. @param {string} roomId */
  uploadsOf(roomId) {
    const send = fileSender(this.api, roomId);
    const uploads = this.#uploads.get(roomId) ?? new Uploads(roomId, { store: this.store, send, newKey });
    this.#uploads.set(roomId, uploads);
    return uploads;
  }

  /** Whether nothing is lost when this window is closed now. */
  get #isAllKept() {
    return this.store.isSafe && ![...this.#uploads.values()].some((uploads) => uploads.isBusy);
  }

  /**
   * Call `render` once for all changes before the next animation frame. A hidden window has no frames and renders soon.
   *
   * @param {() => void} render
   * @param {AbortSignal} signal ends it
   */
  onChange(render, signal) {
    this.#renderers.add(render);
    signal.addEventListener("abort", () => this.#renderers.delete(render));
  }

  /** Keep the lists of rooms in the document up to date. Those that stay are the same elements. */
  findLists() {
    const before = new Map(this.#lists.map((list) => [list.element, list]));
    const elements = [...findAll(document, "[data-rooms]")];
    const listMore = () => this.client.listMore();
    this.#lists = elements.map((element) => before.get(element) ?? new RoomList(element, this.mirror, listMore));
  }

  renderLists() {
    for (const list of this.#lists) list.render();
    showInvitations(this.mirror);
    this.tab.render();
  }

  #planRender() {
    if (this.#isRenderPlanned) return;
    this.#isRenderPlanned = true;
    const run = () => {
      this.#isRenderPlanned = false;
      this.renderLists();
      for (const render of this.#renderers) render();
    };
    if (document.hidden) setTimeout(run, 50);
    else requestAnimationFrame(run);
  }

  /** @param {Status} status */
  #hasStatus(status) {
    showStatus(status);
    if (status === "offline") return;
    this.sender.wake();
    this.onAnswer();
  }

  #wake() {
    this.client.wake();
    this.sender.wake();
  }

  #stopForOtherUser() {
    this.sender.stop();
    this.client.close();
    showStatus("offline");
    find(document, ".other-user").hidden = false;
  }
}

/** The page stays as it is, with everything typed, and a link leads to login and back. */
function askToLogIn() {
  const notice = find(document, ".logged-out");
  const here = location.pathname + location.search;
  find(notice, "a", HTMLAnchorElement).href = `/login/?next=${encodeURIComponent(here)}`;
  notice.hidden = false;
}

/**
 * Load the page again; not while the service cannot answer, since a page that says so stays.
 *
 * @param {number} userId
 */
async function reloadOnceServed(userId) {
  const headers = { "X-User": String(userId) };
  const isServed = () => fetch(location.href, { headers }).then(({ status }) => status < 500, () => false);
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

/** @param {Status} status */
function showStatus(status) {
  const element = find(document, ".status");
  const [text, explanation] = STATUS_TEXT[status];
  element.dataset.status = status;
  element.title = explanation;
  find(element, ".status-text").textContent = text;
}
