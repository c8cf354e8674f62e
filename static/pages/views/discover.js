import { find, findAll, write } from "../dom.js";

/** @import { Shown } from "../page-switch.js" */

/**
 * Rooms that were found. The user's own follow their events: a room joined in another window can be left here.
 *
 * @param {Shown} shown
 */
export function showDiscover({ page, main, signal }) {
  const render = () => {
    for (const item of findAll(main, ".found li")) {
      const room = page.mirror.room(item.dataset.id ?? "");
      if (room === undefined) continue;
      const { name } = room.shown;
      write(find(item, ".name bdi"), name);
      find(item, ".join button").ariaLabel = `Join ${name}`;
      find(item, ".leave button").ariaLabel = `Leave ${name}`;
      find(item, ".join").hidden = !room.isLeft;
      find(item, ".leave").hidden = room.isLeft;
    }
  };
  page.onChange(render, signal);
}
