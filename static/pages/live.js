import { NotifyChoice } from "./attention/choice.js";
import { Notifier } from "./attention/notifier.js";
import { find } from "./dom.js";
import { LivePage } from "./live-page.js";
import { PageSwitch } from "./page-switch.js";
import { showAccount } from "./views/account.js";
import { showDiscover } from "./views/discover.js";
import { showRooms } from "./views/rooms.js";
import { showTimes } from "./views/times.js";

/**
 * The script of all pages of a user but the operations page: one connection, which stays while pages are switched. What
 * few visits need is loaded when it is needed.
 *
 * @import { JumpDialog } from "./jump-dialog.js"
 */

const page = new LivePage();
page.start();

const views = {
  account: async () => showAccount,
  discover: async () => showDiscover,
  history: async () => (await import("./views/history.js")).showHistory,
  message: async () => (await import("./views/message.js")).showMessage,
  people: async () => (await import("./views/people.js")).showPeople,
  room: async () => (await import("./views/room.js")).showRoom,
  rooms: async () => showRooms,
  times: async () => showTimes,
};
const pages = new PageSwitch(page, views);
pages.start();
new Notifier({
  ...{ mirror: page.mirror, choice: new NotifyChoice(page.store) },
  open: (path) => pages.open(path),
}).start();

/** @type {Promise<JumpDialog> | null} */
let jumpDialog = null;

/** Ctrl+K, or its button: jump to a room or a person. */
async function jump() {
  const load = async () => new (await import("./jump-dialog.js")).JumpDialog(page, (path) => pages.open(path));
  jumpDialog ??= load();
  (await jumpDialog).show();
}
document.addEventListener("keydown", (event) => {
  const { key, ctrlKey, metaKey, altKey, shiftKey } = event;
  if (key.toLowerCase() !== "k" || ctrlKey === metaKey || altKey || shiftKey) return;
  event.preventDefault();
  jump();
});
find(document, ".opens-jump").addEventListener("click", jump);
