// The library with the real centrifuge-js: pages without a browser, driven from outside (see ../support/open_pages.py).
import { obey, say } from "../support/realtime/commands.mjs";
import { OpenPage } from "./open_page.mjs";

/** @type {Map<string, OpenPage>} */
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

/** @typedef {{ page: string }} Named */

const commands = {
  /**
   * @param {object} command
   * @param {string} command.page
   * @param {string} command.path
   * @param {PageState} command.state what the page was loaded with
   * @param {string[]} command.origins
   * @param {string} command.cookie its owner's session
   * @param {string} command.url
   */
  async open({ page, state, ...parts }) {
    const tell = (/** @type {string} */ event, /** @type {object} */ fields) => say(event, { page, ...fields });
    const newPage = new OpenPage({ ...parts, tell });
    pages.set(page, newPage);
    newPage.start(state);
  },
  async status(/** @type {Named} */ command) {
    return opened(command).status;
  },
  async list(/** @type {Named} */ command) {
    return opened(command).list;
  },
  async room(/** @type {Named} */ command) {
    return opened(command).room;
  },
  async go(/** @type {Named & { path: string }} */ { path, ...command }) {
    opened(command).go(path); // which may take long
  },
  async say(/** @type {Named & { room: string, content: string }} */ { room, content, ...command }) {
    return opened(command).say(room, content);
  },
  async disconnect(/** @type {Named} */ command) {
    opened(command).disconnect();
  },
  async sleep(/** @type {Named} */ command) {
    opened(command).sleep();
  },
  async wake(/** @type {Named} */ command) {
    opened(command).wake();
  },
  async close(/** @type {Named} */ command) {
    opened(command).close();
    pages.delete(command.page);
  },
};

await obey(commands);
process.exit(0);
