/**
 * What the browser does about each type of event, by the server's topics. A new event type is one new entry here.
 *
 * @import { AccountErasure } from "./shapes.js"
 * @import { Erasure, Invitation, Member, MemberChange, Message, MessageChange, RangeEvent } from "./shapes.js"
 * @import { ReactionChange } from "./shapes.js"
 * @import { RoomChange, RoomEvent } from "./shapes.js"
 * @import { Room } from "./room.js"
 */

/**
 * @typedef {object} EventKind
 * @property {Apply} apply Change the room from the version before the event to the event's version.
 * @property {"starts" | "ends"} [membership] What the event does to the membership of the user who acted.
 * @property {boolean} [isMessage] It carries a message: unread to others; to its author, proof that it was sent.
 */

/** @typedef {Omit<RangeEvent, "position">} RangeChange */

/** @typedef {{ bivarianceHack(room: Room, event: RoomEvent): void }["bivarianceHack"]} Apply */

export const EVENTS = /** @satisfies {Record<string, EventKind>} */ ({
  room_opened: { apply: (room, event) => room.skip(event) },
  user_joined: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.addMember(event), membership: "starts" },
  user_left: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.removeMember(event), membership: "ends" },
  message_added: { apply: (room, /** @type {RoomEvent<Message>} */ event) => room.addMessage(event), isMessage: true },
  room_renamed: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  content_erased: { apply: (room, /** @type {RoomEvent<Erasure>} */ event) => room.eraseContent(event) },
  user_erased: { apply: (room, /** @type {RoomEvent<AccountErasure>} */ event) => room.eraseUser(event) },
  role_given: { apply: (room, /** @type {RoomEvent<MemberChange>} */ event) => room.giveRole(event) },
  user_banned: { apply: (room, /** @type {RoomEvent<MemberChange>} */ event) => room.update(event.body.room) },
  ban_lifted: { apply: (room, /** @type {RoomEvent<MemberChange>} */ event) => room.update(event.body.room) },
  user_muted: { apply: (room, /** @type {RoomEvent<MemberChange>} */ event) => room.mute(event) },
  mute_lifted: { apply: (room, /** @type {RoomEvent<MemberChange>} */ event) => room.liftMute(event) },
  topic_set: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  room_archived: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  room_reopened: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  message_edited: { apply: (room, /** @type {RoomEvent<MessageChange>} */ event) => room.changeMessage(event) },
  message_retracted: { apply: (room, /** @type {RoomEvent<MessageChange>} */ event) => room.changeMessage(event) },
  reaction_added: { apply: (room, /** @type {RoomEvent<ReactionChange>} */ event) => room.changeReactions(event) },
  reaction_removed: { apply: (room, /** @type {RoomEvent<ReactionChange>} */ event) => room.changeReactions(event) },
  message_pinned: { apply: (room, /** @type {RoomEvent<MessageChange>} */ event) => room.changeMessage(event) },
  message_unpinned: { apply: (room, /** @type {RoomEvent<MessageChange>} */ event) => room.changeMessage(event) },
  visibility_changed: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  history_changed: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  user_invited: { apply: (room, /** @type {RoomEvent<Invitation>} */ event) => room.update(event.body.room) },
  invitation_withdrawn: { apply: (room, /** @type {RoomEvent<Invitation>} */ event) => room.update(event.body.room) },
  invitation_declined: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  invitation_link_made: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
  invitation_link_revoked: { apply: (room, /** @type {RoomEvent<Member>} */ event) => room.update(event.body.room) },
});

/** A type that is newer than this code. @type {EventKind} */
const UNKNOWN = { apply: (room, event) => room.skip(event) };

/** Publications that stand for many events: `from` in the body is the first version. They are of no one's doing. */
export const RANGES = {
  members_changed: {
    apply: (/** @type {Room} */ room, /** @type {RangeChange} */ range) => room.changeMembers(range),
  },
};

/**
 * @param {RoomChange} change
 * @returns {change is RangeChange}
 */
export function isRange(change) {
  return Object.hasOwn(RANGES, change.type);
}

/**
 * @param {RoomEvent} event
 * @returns {EventKind}
 */
export function kindOf({ type }) {
  return Object.hasOwn(EVENTS, type) ? EVENTS[/** @type {keyof typeof EVENTS} */ (type)] : UNKNOWN;
}
