import { kindOf } from "../onrecord/events.js";
import { counted } from "../onrecord/format.js";
import { Outbox } from "../onrecord/outbox.js";
import { Composer } from "./composer.js";
import { find, itemsOf, write } from "./dom.js";
import { onChange, startLivePage } from "./live-page.js";
import { MessageList, showLocalTimes } from "./message-list.js";
import { ReadMarker } from "./read-marker.js";

/**
 * @import { Message, User } from "../onrecord/shapes.js"
 * @import { Room } from "../onrecord/room.js"
 */

const { mirror, api, client, open } = startLivePage();
const conversation = find(document, ".conversation");
const openRoom = open === null ? undefined : mirror.room(open.room.id);
if (openRoom === undefined) showLocalTimes(find(conversation, ".messages")); // older messages, without live updates
else startRoom(openRoom);

/** @param {Room} room */
function startRoom(room) {
  const outbox = new Outbox(() => crypto.randomUUID());
  const list = new MessageList(conversation, {
    ...{ room, outbox, readUpTo: mirror.readUpTo(room.id) },
    fetchOlder: (before) => fetchOlder(room, before),
  });
  const composer = new Composer(find(conversation, ".composer", HTMLFormElement), {
    ...{ room, outbox, api, client },
    onChange: () => render(),
    onSubmit: () => list.toEnd(),
  });
  list.onRetry = (message) => composer.retry(message);
  const parts = { room, mirror, api };
  const readMarker = new ReadMarker(parts, find(conversation, ".scroll"), find(conversation, ".messages"));

  function render() {
    list.render();
    renderMembers(room);
    composer.enable(!room.isLeft);
    find(conversation, ".left-notice").hidden = !room.isLeft;
    readMarker.update();
  }

  mirror.subscribe((event) => {
    const isOwn = event !== null && event.body.room.id === room.id && event.body.user.id === room.me;
    if (isOwn && kindOf(event).isMessage) outbox.match(/** @type {Message} */ (event.body));
  });
  onChange(mirror, render);
  list.onMove = render;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    find(conversation, ".people", HTMLDetailsElement).open = false;
    list.toEnd();
    composer.focus();
  });
  render();
}

/**
 * @param {Room} room
 * @param {number} before
 */
async function fetchOlder(room, before) {
  const { results, next } = await api.get(`/api/rooms/${room.id}/messages/?before=${before}&limit=100`);
  room.addOlder(results);
  return next !== null;
}

/** @param {Room} room */
function renderMembers(room) {
  const { member_count } = room.shown;
  const members = room.members ?? [];
  write(find(conversation, ".member-count"), counted(member_count, "member"));
  find(conversation, ".people .more").hidden = members.length >= member_count;
  const list = find(conversation, ".members-list");
  const shown = new Map(itemsOf(list).map((item) => [Number(item.dataset.id), item]));
  for (const [id, item] of shown) if (!members.some((member) => member.id === id)) item.remove();
  for (const member of members) if (!shown.has(member.id)) list.append(memberItem(member));
}

/** @param {User} member */
function memberItem({ id, username }) {
  const item = document.createElement("li");
  const name = document.createElement("bdi");
  name.textContent = username;
  item.dataset.id = String(id);
  item.append(name);
  return item;
}
