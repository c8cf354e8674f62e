import { Drafts, draftName } from "../onrecord/drafts.js";
import { counted } from "../onrecord/format.js";
import { Composer } from "./composer.js";
import { find, itemsOf, write } from "./dom.js";
import { onChange, startLivePage } from "./live-page.js";
import { MessageList, showLocalTimes } from "./message-list.js";
import { ReadMarker } from "./read-marker.js";

/**
 * @import { User } from "../onrecord/shapes.js"
 * @import { Room } from "../onrecord/room.js"
 */

const { mirror, api, store, outbox, sender, open } = startLivePage();
const conversation = find(document, ".conversation");
const openRoom = open === null ? undefined : mirror.room(open.room.id);
if (openRoom === undefined) showLocalTimes(find(conversation, ".messages")); // older messages, without live updates
else startRoom(openRoom);

/** @param {Room} room */
function startRoom(room) {
  const list = new MessageList(conversation, {
    ...{ room, outbox, readUpTo: mirror.readUpTo(room.id) },
    fetchOlder: (before) => fetchOlder(room, before),
  });
  const composer = new Composer(find(conversation, ".composer", HTMLFormElement), {
    ...{ roomId: room.id, drafts: new Drafts(store) },
    onSubmit(content) {
      outbox.add(room.id, content);
      sender.wake();
      list.toEnd();
    },
  });
  list.onRetry = (message) => {
    if (message.state === "refused") outbox.retry(message);
    sender.wake();
    render();
  };
  const parts = { room, mirror, api };
  const readMarker = new ReadMarker(parts, find(conversation, ".scroll"), find(conversation, ".messages"));

  function render() {
    list.render();
    renderName(room);
    renderMembers(room);
    composer.update(!room.isLeft && !sender.isStopped);
    find(conversation, ".left-notice").hidden = !room.isLeft;
    readMarker.update();
  }

  onChange(mirror, render);
  sender.onChange = render;
  addEventListener("storage", ({ key, oldValue }) => {
    const name = store.nameOf(key ?? "");
    if (name === draftName(room.id)) composer.follow(oldValue ?? "");
    else if (name !== null) outbox.reload();
    render();
  });
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
function renderName({ shown: { name } }) {
  write(find(conversation, "h1 bdi"), name);
  document.title = `${name} · onrecord`;
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
