import { find, findAll, write } from "./dom.js";
import { onChange, startLivePage } from "./live-page.js";

const { mirror } = startLivePage();

/** The user's rooms follow their events: a room joined in another window can be left here. */
onChange(mirror, () => {
  for (const item of findAll(document, ".found li")) {
    const room = mirror.room(item.dataset.id ?? "");
    if (room === undefined) continue;
    const { name } = room.shown;
    write(find(item, ".name bdi"), name);
    find(item, ".join button").ariaLabel = `Join ${name}`;
    find(item, ".leave button").ariaLabel = `Leave ${name}`;
    find(item, ".join").hidden = !room.isLeft;
    find(item, ".leave").hidden = room.isLeft;
  }
});
