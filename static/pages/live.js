import { NotifyChoice } from "./attention/choice.js";
import { Notifier } from "./attention/notifier.js";
import { LivePage } from "./live-page.js";
import { JumpDialog } from "./jump-dialog.js";
import { PageSwitch } from "./page-switch.js";
import { showAccount } from "./views/account.js";
import { showDiscover } from "./views/discover.js";
import { showHistory } from "./views/history.js";
import { showMessage } from "./views/message.js";
import { showPeople } from "./views/people.js";
import { showRoom } from "./views/room.js";
import { showRooms } from "./views/rooms.js";
import { showTimes } from "./views/times.js";

/** The script of all pages of a user but the operations page: one connection, which stays while pages are switched. */

const page = new LivePage();
page.start();
const views = {
  ...{ account: showAccount, discover: showDiscover, history: showHistory, message: showMessage },
  ...{ people: showPeople, room: showRoom, rooms: showRooms, times: showTimes },
};
const pages = new PageSwitch(page, views);
pages.start();
new Notifier({
  ...{ mirror: page.mirror, choice: new NotifyChoice(page.store) },
  open: (path) => pages.open(path),
}).start();
new JumpDialog(page, (path) => pages.open(path)).start();
