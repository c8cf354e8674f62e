/** @import { Shown } from "../page-switch.js" */

/** @import { UserStore } from "../../onrecord/user-store.js" */

const LAST_ROOM = "last-room";

/**
 * Keep which room was open last, where that outlives the window.
 *
 * @param {UserStore} store
 * @param {string} id
 */
export function keepLastRoom(store, id) {
  if (!store.isSafe) return;
  store.set(LAST_ROOM, id);
  if (!store.isSafe) store.delete(LAST_ROOM);
}

/**
 * All rooms of the user. On a desktop, where they stand in the sidebar too, the address without a page opens the room
 * that was open last.
 *
 * @param {Shown} shown
 */
export function showRooms({ page, replace }) {
  const last = page.mirror.room(page.store.get(LAST_ROOM) ?? "");
  const hasSidebar = matchMedia("(width > 48rem)").matches;
  if (hasSidebar && location.search === "" && last !== undefined && !last.isLeft) replace(`/rooms/${last.id}/`);
}
