import { Drafts, draftName } from "../../onrecord/drafts.js";
import { counted } from "../../onrecord/format.js";
import { find, itemsOf, write } from "../dom.js";
import { Composer } from "../room/composer.js";
import { MessageList, showLocalTimes } from "../room/message-list.js";
import { ReadMarker } from "../room/read-marker.js";

/**
 * @import { Api } from "../../onrecord/api.js"
 * @import { User } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
 * @import { Shown } from "../page-switch.js"
 */

/**
 * A room: live where its newest messages are shown; older ones do not change.
 *
 * @param {Shown} shown
 */
export function showRoom(shown) {
  const { page, main, roomId } = shown;
  const room = roomId === null ? undefined : page.mirror.room(roomId);
  if (room === undefined) showLocalTimes(find(main, ".messages"));
  else showLiveRoom(shown, room);
}

/**
 * @param {Shown} shown
 * @param {Room} room
 */
function showLiveRoom({ page, main, signal }, room) {
  const { mirror, api, store, outbox, sender } = page;
  const conversation = find(main, ".conversation");
  const list = new MessageList(conversation, {
    ...{ room, outbox, signal, readUpTo: mirror.readUpTo(room.id) },
    fetchOlder: (before) => fetchOlder(api, room, before),
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
  const readMarker = new ReadMarker({ room, mirror, api, signal }, find(conversation, ".scroll"), list.element);

  function render() {
    list.render();
    renderName(conversation, room);
    renderMembers(conversation, room);
    composer.update(!room.isLeft && !sender.isStopped);
    find(conversation, ".left-notice").hidden = !room.isLeft;
    readMarker.update();
  }

  /** @param {StorageEvent} event */
  function follow({ key, oldValue }) {
    if (store.nameOf(key ?? "") === draftName(room.id)) composer.follow(oldValue ?? "");
  }

  /** @param {KeyboardEvent} event */
  function toNewest(event) {
    if (event.key !== "Escape") return;
    find(conversation, ".people", HTMLDetailsElement).open = false;
    list.toEnd();
    composer.focus();
  }

  page.onChange(render, signal);
  addEventListener("storage", follow, { signal });
  list.onMove = render;
  document.addEventListener("keydown", toNewest, { signal });
  render();
}

/**
 * @param {Api} api
 * @param {Room} room
 * @param {number} before
 */
async function fetchOlder(api, room, before) {
  const { results, next } = await api.get(`/api/rooms/${room.id}/messages/?before=${before}&limit=100`);
  room.addOlder(results);
  return next !== null;
}

/**
 * @param {HTMLElement} conversation
 * @param {Room} room
 */
function renderName(conversation, { shown: { name } }) {
  write(find(conversation, "h1 bdi"), name);
  document.title = `${name} · onrecord`;
}

/**
 * @param {HTMLElement} conversation
 * @param {Room} room
 */
function renderMembers(conversation, room) {
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
