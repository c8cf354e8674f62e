/** @import { Mirror } from "../../onrecord/mirror.js" */

/**
 * How many unread messages call the user: those that mention them, and all in direct conversations; none in muted
 * rooms.
 *
 * @param {Mirror} mirror
 */
export function callsIn(mirror) {
  return mirror.rooms.reduce((sum, { id, visibility }) => {
    if (mirror.isMuted(id)) return sum;
    return sum + (visibility === "direct" ? mirror.unread(id) : mirror.mentions(id));
  }, 0);
}
