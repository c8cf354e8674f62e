import { Api } from "../onrecord/api.js";
import { Client } from "../onrecord/client.js";
import { Mirror } from "../onrecord/mirror.js";
import { find, findAll } from "./dom.js";
import { keepDraft } from "./draft.js";
import { RoomList } from "./room-list.js";

/** @import { PageState } from "../onrecord/shapes.js" */

const STATUS_TEXT = { connecting: "Connecting", live: "Live", offline: "Offline" };

/** What every page has after login: a mirror that starts from what the page shows, the rooms, the connection status. */
export function startLivePage() {
  /** @type {PageState} */
  const state = JSON.parse(find(document, "#state").dataset.state ?? "");
  const mirror = new Mirror(state);
  const api = new Api();
  const client = new Client({
    mirror,
    api,
    Centrifuge: globalThis.Centrifuge,
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`,
    onStatus: showStatus,
    onRestarted: () => {
      keepDraft();
      location.reload();
    },
    onLoggedOut: () => location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`),
  });
  const lists = [...findAll(document, "[data-rooms]")].map((list) => new RoomList(list, mirror));
  onChange(mirror, () => lists.forEach((list) => list.render()));
  showStatus(client.status);
  document.documentElement.classList.add("scripted");
  client.start();
  return { mirror, api, client, open: state.open ?? null };
}

/** @param {keyof typeof STATUS_TEXT} status */
function showStatus(status) {
  const element = find(document, ".status");
  element.dataset.status = status;
  find(element, ".status-text").textContent = STATUS_TEXT[status];
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
