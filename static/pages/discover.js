import { find, findAll } from "./dom.js";
import { onChange, startLivePage } from "./live-page.js";

const { mirror } = startLivePage();

/** Buttons follow what the user does in other windows: a room joined there can be left here. */
onChange(mirror, () => {
  for (const item of findAll(document, ".found li")) {
    const room = mirror.room(item.dataset.id ?? "");
    if (room === undefined) continue;
    find(item, ".join").hidden = !room.isLeft;
    find(item, ".leave").hidden = room.isLeft;
  }
});
