import { LivePage } from "./live-page.js";
import { JumpDialog } from "./jump-dialog.js";
import { PageSwitch } from "./page-switch.js";
import { showDiscover } from "./views/discover.js";
import { showHistory } from "./views/history.js";
import { showPeople } from "./views/people.js";
import { showRoom } from "./views/room.js";
import { showRooms } from "./views/rooms.js";
import { showTimes } from "./views/times.js";

/** The script of all pages of a user but the operations page: one connection, which stays while pages are switched. */

const page = new LivePage();
page.start();
const views = {
  ...{ discover: showDiscover, history: showHistory, people: showPeople, room: showRoom },
  ...{ rooms: showRooms, times: showTimes },
};
const pages = new PageSwitch(page, views);
pages.start();
new JumpDialog(page, (path) => pages.open(path)).start();
