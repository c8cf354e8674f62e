import { find } from "../dom.js";

/** @import { Mirror } from "../../onrecord/mirror.js" */

/**
 * How many invitations wait, in the head of every page; nothing where none does.
 *
 * @param {Mirror} mirror
 */
export function showInvitations({ invitations }) {
  const link = find(document, ".to-invitations");
  const text = `Invitations (${invitations.toLocaleString("en")})`;
  link.hidden = invitations === 0;
  if (link.textContent !== text) link.textContent = text;
}
