import { Api } from "../onrecord/api.js";
import { Client } from "../onrecord/client.js";
import { Mirror } from "../onrecord/mirror.js";
import { RoomList } from "./room-list.js";

const WORDS = { connecting: "Connecting", live: "Live", offline: "Offline" };

/** What every signed-in page has: a mirror that starts from what the page shows, kept in step; rooms; a status light. */
export function startFrame() {
  const state = JSON.parse(document.getElementById("state").dataset.state);
  const mirror = new Mirror(state);
  const api = new Api();
  const status = document.querySelector(".status");
  const say = (word) => {
    status.dataset.status = word;
    status.querySelector(".words").textContent = WORDS[word];
  };
  const client = new Client({
    mirror,
    api,
    Centrifuge: globalThis.Centrifuge,
    url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/connection/websocket`,
    onStatus: say,
    onLoggedOut: () => location.assign(`/login/?next=${encodeURIComponent(location.pathname + location.search)}`),
  });
  const lists = [...document.querySelectorAll("[data-rooms]")].map((list) => new RoomList(list, mirror));
  onChange(mirror, () => lists.forEach((list) => list.render()));
  say("connecting");
  document.documentElement.classList.add("scripted");
  client.start();
  return { mirror, api, client, open: state.open };
}

/** Call `render` once for however many changes come before the next frame; soon, too, in a window nobody sees. */
export function onChange(mirror, render) {
  let isPlanned = false;
  mirror.subscribe(() => {
    if (isPlanned) return;
    isPlanned = true;
    const plan = document.hidden ? (work) => setTimeout(work, 50) : requestAnimationFrame;
    plan(() => {
      isPlanned = false;
      render();
    });
  });
}
