import { Outbox } from "../onrecord/outbox.js";
import { Composer } from "./composer.js";
import { onChange, startFrame } from "./frame.js";
import { MessageList } from "./message-list.js";
import { members } from "./words.js";

const { mirror, api, client, open } = startFrame();
const talk = document.querySelector(".talk");
if (open === null) {
  new MessageList(talk, null); // a page of the past: it does not move
} else {
  startRoom(mirror.room(open.room.id));
}

function startRoom(room) {
  const outbox = new Outbox(() => crypto.randomUUID());
  const list = new MessageList(talk, room, { outbox, older: (before) => older(room, before) });
  const composer = new Composer(talk.querySelector(".composer"), { room, outbox, api, client, onChange: () => render() });
  list.onRetry = (letter) => composer.retry(letter);
  const mark = marking(room);

  function render() {
    list.render();
    renderMembers(room);
    composer.enable(!room.isLeft);
    talk.querySelector(".gone").hidden = !room.isLeft;
    if (list.isAtEnd && document.visibilityState === "visible") mark();
  }

  mirror.subscribe((event) => {
    const isOwn = event?.type === "message_added" && event.body.room.id === room.id && event.body.user.id === room.me;
    if (isOwn) outbox.see(event.body);
  });
  onChange(mirror, render);
  list.onEnd = render;
  document.addEventListener("visibilitychange", render);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    talk.querySelector(".people").open = false;
    list.toEnd();
    composer.focus();
  });
  render();
}

async function older(room, before) {
  const { results, next } = await api.get(`/api/rooms/${room.id}/messages/?before=${before}&limit=100`);
  room.addOlder(results);
  return next !== null;
}

/** Tells the server what was seen: at most one request at a time, and none for what it knows. */
function marking(room) {
  let marked = room.version;
  let isBusy = false;
  return async function mark() {
    if (isBusy || room.isLeft || (room.version <= marked && mirror.unread(room.id) === 0)) return;
    isBusy = true;
    const version = room.version;
    try {
      const reading = await api.post(`/api/rooms/${room.id}/read/`, { version });
      marked = version;
      isBusy = false;
      mirror.takeReading(reading);
    } catch {
      setTimeout(() => (isBusy = false), 2000); // the next change tries again
    }
  };
}

function renderMembers(room) {
  const { member_count } = room.shown;
  talk.querySelector(".member-count").textContent = String(member_count);
  talk.querySelector(".member-word").textContent = members(member_count);
  talk.querySelector(".people .more").hidden = room.members.length >= member_count;
  const list = talk.querySelector(".members-list");
  const shown = new Map([...list.children].map((item) => [Number(item.dataset.id), item]));
  for (const [id, item] of shown) if (!room.members.some((member) => member.id === id)) item.remove();
  for (const member of room.members) if (!shown.has(member.id)) list.append(memberItem(member));
}

function memberItem({ id, username }) {
  const item = document.createElement("li");
  item.dataset.id = String(id);
  item.append(document.createElement("bdi"));
  item.firstChild.textContent = username;
  return item;
}
