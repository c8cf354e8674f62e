import { find } from "../dom.js";
import { showTitle } from "../people.js";
import { localise } from "../times.js";

/** @import { Shown } from "../page-switch.js" */

const TYPES = new Set([
  ...["user_joined", "user_left", "members_changed"],
  ...["role_given", "user_banned", "ban_lifted", "user_muted", "mute_lifted"],
  ...["visibility_changed", "history_changed", "user_invited", "invitation_withdrawn", "invitation_declined"],
  ...["invitation_link_made", "invitation_link_revoked"],
  ...["topic_set", "room_archived", "room_reopened", "content_erased", "user_erased"],
]);

/**
 * The people of a room, as the server renders them: the list is fetched again when an event changes it, but not while
 * a form is open, or a link is shown that is shown only once.
 *
 * @param {Shown} shown
 */
export function showPeople({ page, main, signal }) {
  const { room: roomId } = find(main, "#people").dataset;
  let isStale = false;
  let request = new AbortController();
  signal.addEventListener("abort", () => request.abort());

  const isBusy = () => main.querySelector("details[open], form :focus, .new-link") !== null;

  async function refresh() {
    if (!isStale || isBusy()) return;
    isStale = false;
    request.abort();
    request = new AbortController();
    try {
      const headers = { "X-User": String(page.api.userId) };
      const response = await fetch(location.href, { headers, signal: request.signal });
      const answer = new DOMParser().parseFromString(await response.text(), "text/html");
      const fresh = answer.querySelector("#people");
      if (fresh === null) location.reload(); // no longer a member
      else find(main, "#people").replaceWith(fresh);
      localise(main);
    } catch {
      isStale = true;
    }
  }

  page.mirror.subscribe((event) => {
    if (event === null || event.body.room.id !== roomId || !TYPES.has(event.type)) return;
    isStale = true;
    refresh();
  }, signal);
  page.onChange(() => {
    const room = page.mirror.room(roomId ?? "");
    if (room !== undefined) showTitle(find(main, "h1"), room.shown, room.me);
  }, signal);
  main.addEventListener("toggle", refresh, { capture: true, signal });
  main.addEventListener("focusout", () => setTimeout(refresh), { signal });
  localise(main);
}
