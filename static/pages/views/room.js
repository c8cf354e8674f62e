import { Drafts, draftName } from "../../onrecord/drafts.js";
import { badge, counted, dayAndClock } from "../../onrecord/format.js";
import { titleOf } from "../../onrecord/text.js";
import { find, fromTemplate, itemsOf, write } from "../dom.js";
import { showKind, showTitle } from "../people.js";
import { Composer } from "../room/composer.js";
import { FilePicker } from "../room/file-picker.js";
import { HereNow } from "../room/here-now.js";
import { MessageActions } from "../room/message-actions.js";
import { MessageList, showLocalTimes } from "../room/message-list.js";
import { MessageMenu } from "../room/message-menu.js";
import { MuteForm } from "../room/mute-form.js";
import { PinnedList } from "../room/pinned-list.js";
import { ReadMarker } from "../room/read-marker.js";
import { keepLastRoom } from "./rooms.js";

/**
 * @import { Api } from "../../onrecord/api.js"
 * @import { Message, RoomMember } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
 * @import { Tab } from "../attention/tab.js"
 * @import { LivePage } from "../live-page.js"
 * @import { Shown } from "../page-switch.js"
 * @import { ServerClock } from "../server-clock.js"
 */

const MUTE_LOOK_MS = 10_000; // a mute ends by the clock, without an event

/**
 * A room: live where its newest messages are shown; older ones do not change.
 *
 * @param {Shown} shown
 */
export function showRoom(shown) {
  const { page, main, roomId } = shown;
  const room = roomId === null ? undefined : page.mirror.room(roomId);
  if (room !== undefined) {
    showLiveRoom(shown, room);
    return;
  }
  showLocalTimes(find(main, ".messages"));
  main.querySelector(".sought")?.scrollIntoView({ block: "center" });
}

/**
 * @param {Shown} shown
 * @param {Room} room
 */
function showLiveRoom({ page, main, signal }, room) {
  const { mirror, api, store, outbox, sender, clock } = page;
  const conversation = find(main, ".conversation");
  keepLastRoom(store, room.id);
  if (mirror.hasMore && !mirror.rooms.some(({ id }) => id === room.id)) page.client.listMore(); // to stand in it
  const list = new MessageList(conversation, {
    ...{ room, outbox, sender, signal, readUpTo: mirror.readUpTo(room.id) },
    fetchOlder: (before) => fetchOlder(api, room, before),
  });
  const actions = new MessageActions(find(conversation, ".action-problem"), { page, room });
  const form = find(conversation, ".composer", HTMLFormElement);
  const files = new FilePicker(form, page.uploadsOf(room.id), { place: main, signal });
  const composer = new Composer(form, {
    ...{ roomId: room.id, drafts: new Drafts(store), files },
    onEdit: (message, content) => actions.edit(message, content),
    onSubmit(content, replyTo, attached) {
      outbox.add(room.id, content, replyTo, attached);
      sender.wake();
      list.toEnd();
    },
  });
  completeMentions(form, room);
  list.onRetry = (message) => {
    if (message.state === "refused") outbox.retry(message);
    sender.wake();
    render();
  };
  const does = {
    edit: (/** @type {Message} */ message) => composer.edit(message),
    reply: (/** @type {Message} */ message) => composer.reply(message),
    react: (/** @type {Message} */ message, /** @type {string} */ emoji) => actions.react(message, emoji),
    pin: (/** @type {Message} */ message) => actions.pin(message),
  };
  const mayEdit = editing(conversation, room, clock);
  const menu = new MessageMenu(list.element, room, does, { maySpeak: () => maySpeak(room, clock), mayEdit });
  composer.onUp = () => {
    const own = room.messages?.findLast((message) => message.user.id === room.me);
    if (own !== undefined && mayEdit(own)) composer.edit(own);
  };
  const here = new HereNow(conversation, { page, room, signal });
  composer.onType = () => here.typed();
  const mute = new MuteForm(find(conversation, ".mute-room", HTMLFormElement), { page, room });
  const pinned = new PinnedList(find(conversation, ".pinned-list"), room);
  const readMarker = new ReadMarker({ room, mirror, api, signal }, find(conversation, ".scroll"), list.element);

  function render() {
    list.render();
    renderName(conversation, room, page.tab);
    renderElsewhere(conversation, page, room.id);
    renderMembers(conversation, room);
    here.render();
    renderStanding(conversation, room, clock);
    pinned.render();
    mute.render();
    composer.update(maySpeak(room, clock) && !sender.isStopped);
    readMarker.update();
    for (const id of room.takeUnknownAnswered()) fetchAnswered(api, room, id).then(render, () => {});
  }

  /** @param {StorageEvent} event */
  function follow({ key, oldValue }) {
    if (store.nameOf(key ?? "") === draftName(room.id)) composer.follow(oldValue ?? "");
  }

  /** @param {KeyboardEvent} event */
  function toNewest(event) {
    if (event.key !== "Escape") return;
    if (menu.isOpen) return menu.close();
    if (composer.isAboutMessage) return composer.cancel();
    find(conversation, ".people", HTMLDetailsElement).open = false;
    list.toEnd();
    composer.focus();
  }

  page.onChange(render, signal);
  const look = setInterval(() => room.own.muted !== undefined && render(), MUTE_LOOK_MS);
  signal.addEventListener("abort", () => clearInterval(look));
  addEventListener("storage", follow, { signal });
  list.onMove = render;
  document.addEventListener("keydown", toNewest, { signal });
  render();
}

/**
 * Offer names after an `@`, from the first one on that is typed here.
 *
 * @param {HTMLFormElement} form
 * @param {Room} room
 */
function completeMentions(form, room) {
  const field = find(form, "textarea", HTMLTextAreaElement);
  async function typed() {
    if (!field.value.includes("@")) return;
    field.removeEventListener("input", typed);
    const { MentionCompletion } = await import("../room/mention-completion.js");
    new MentionCompletion(form, room);
  }
  field.addEventListener("input", typed);
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
 * Ask for a message that is not loaded, and that another one answers.
 *
 * @param {Api} api
 * @param {Room} room
 * @param {number} id
 */
async function fetchAnswered(api, room, id) {
  const { results } = await api.get(`/api/rooms/${room.id}/messages/?before=${id + 1}&limit=1`);
  const [found] = results;
  if (found?.id === id) room.addAnswered(found);
}

/**
 * @param {HTMLElement} conversation
 * @param {Room} room
 * @param {Tab} tab
 */
function renderName(conversation, room, tab) {
  const { me, shown } = room;
  const name = titleOf(shown, me);
  const { topic = "" } = shown;
  showTitle(find(conversation, "h1"), room.shown, room.me);
  write(find(conversation, ".topic bdi"), topic);
  find(conversation, ".topic").hidden = topic === "";
  tab.title = `${name} · onrecord`;
}

/**
 * On a phone, where the list of rooms is another page: how much is unread in those that are not muted.
 *
 * @param {HTMLElement} conversation
 * @param {LivePage} page
 * @param {string} roomId
 */
function renderElsewhere(conversation, { mirror }, roomId) {
  const others = mirror.rooms.filter(({ id }) => id !== roomId && !mirror.isMuted(id));
  const count = others.reduce((sum, { id }) => sum + mirror.unread(id), 0);
  const element = find(conversation, ".elsewhere");
  element.hidden = count === 0;
  write(element, badge(count));
  const unread = count === 0 ? "" : `, ${counted(count, "unread message")}`;
  find(conversation, ".back").ariaLabel = `Back to my rooms${unread}`;
}

/**
 * @param {Room} room
 * @param {ServerClock} clock
 */
function muteOf({ own: { muted } }, clock) {
  return muted !== undefined && Date.parse(muted.until) > clock.now ? muted : undefined;
}

/**
 * @param {Room} room
 * @param {ServerClock} clock
 */
function maySpeak(room, clock) {
  return !room.isLeft && room.shown.is_archived !== true && muteOf(room, clock) === undefined;
}

/**
 * Whether the user may give a message other words now. The page says for how many seconds that is possible, if there is
 * an end to it.
 *
 * @param {HTMLElement} conversation
 * @param {Room} room
 * @param {ServerClock} clock
 * @returns {(message: Message) => boolean}
 */
function editing({ dataset: { editWindow } }, room, clock) {
  const windowMs = editWindow === undefined ? Infinity : Number(editWindow) * 1000;
  return ({ user, created_at, erased, retracted }) =>
    user.id === room.me &&
    (erased ?? retracted) === undefined &&
    clock.now - Date.parse(created_at) < windowMs;
}

/** @param {Room} room */
function removalNote({ removal }) {
  if (removal?.removed_by === undefined) return "";
  const because = removal.why ? `: ${removal.why}` : "";
  return `${removal.removed_by.username} removed you${because}.`;
}

/**
 * What the user may do here, and why not.
 *
 * @param {HTMLElement} conversation
 * @param {Room} room
 * @param {ServerClock} clock
 */
function renderStanding(conversation, room, clock) {
  find(conversation, ".left-notice").hidden = !room.isLeft;
  write(find(conversation, ".removal"), removalNote(room));
  find(conversation, ".archived-notice").hidden = room.isLeft || room.shown.is_archived !== true;
  const mute = room.isLeft ? undefined : muteOf(room, clock);
  const notice = find(conversation, ".muted-notice");
  notice.hidden = mute === undefined;
  if (mute !== undefined) write(notice, `You are muted in this room until ${dayAndClock(mute.until)}: ${mute.why}`);
  find(conversation, ".rename").hidden = room.own.role !== "owner";
}

/**
 * @param {HTMLElement} conversation
 * @param {Room} room
 */
function renderMembers(conversation, room) {
  const { member_count } = room.shown;
  const members = room.members ?? [];
  const [count = "", noun = ""] = counted(member_count, "member").split(" ");
  write(find(conversation, ".member-count .number"), count);
  write(find(conversation, ".member-count .noun"), noun);
  find(conversation, ".people .more").hidden = members.length >= member_count;
  const list = find(conversation, ".members-list");
  const shown = new Map(itemsOf(list).map((item) => [Number(item.dataset.id), item]));
  for (const [id, item] of shown) if (!members.some((member) => member.id === id)) item.remove();
  for (const member of members) {
    let item = shown.get(member.id) ?? list.appendChild(memberItem(member));
    if (find(item, "bdi").textContent !== member.username) {
      const renamed = memberItem(member);
      item.replaceWith(renamed);
      item = renamed;
    }
    const role = find(item, ".role");
    write(role, member.role);
    role.hidden = member.role === "member";
  }
}

/** @param {RoomMember} member */
function memberItem(member) {
  const item = fromTemplate("member-template");
  item.dataset.id = String(member.id);
  find(item, "bdi").textContent = member.username;
  showKind(find(item, ".kind"), member);
  return item;
}
