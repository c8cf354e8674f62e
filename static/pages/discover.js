import { onChange, startFrame } from "./frame.js";

const { mirror } = startFrame();

/** Buttons follow what this user does in other windows: a room that was joined there can be left here. */
onChange(mirror, () => {
  for (const item of document.querySelectorAll(".found li")) {
    const room = mirror.room(item.dataset.id);
    if (room === undefined) continue;
    item.querySelector(".join").hidden = !room.isLeft;
    item.querySelector(".leave").hidden = room.isLeft;
  }
});
