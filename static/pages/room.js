import { Outbox } from "../onrecord/outbox.js";
import { Composer } from "./composer.js";
import { onChange, startFrame } from "./frame.js";
import { MessageList } from "./message-list.js";
import { members, write } from "./words.js";

const MARK_REST_MS = 1000;

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
  const composer = new Composer(talk.querySelector(".composer"), {
    ...{ room, outbox, api, client },
    onChange: () => render(),
    onSubmit: () => list.toEnd(),
  });
  list.onRetry = (letter) => composer.retry(letter);
  const mark = marking(room, () => list.isAtEnd && document.visibilityState === "visible");

  function render() {
    list.render();
    renderMembers(room);
    composer.enable(!room.isLeft);
    talk.querySelector(".gone").hidden = !room.isLeft;
    mark();
  }

  mirror.subscribe((event) => {
    const isOwn = event?.type === "message_added" && event.body.room.id === room.id && event.body.user.id === room.me;
    if (isOwn) outbox.see(event.body);
  });
  onChange(mirror, render);
  list.onMove = render;
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

/** Tells the server what was seen: at once, but not more often than people look, and nothing that it knows. */
function marking(room, isSeen) {
  let marked = room.version;
  let isResting = false;
  return async function mark() {
    const isKnown = room.version <= marked && mirror.unread(room.id) === 0;
    if (isResting || isKnown || room.isLeft || !isSeen()) return;
    isResting = true;
    const version = room.version;
    try {
      const reading = await api.post(`/api/rooms/${room.id}/read/`, { version });
      marked = version;
      mirror.takeReading(reading);
    } catch {
      // it is tried again
    }
    setTimeout(() => {
      isResting = false;
      mark();
    }, MARK_REST_MS);
  };
}

function renderMembers(room) {
  const { member_count } = room.shown;
  write(talk.querySelector(".member-count"), String(member_count));
  write(talk.querySelector(".member-word"), members(member_count));
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
