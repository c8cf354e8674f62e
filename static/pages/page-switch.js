import { stateOf } from "./live-page.js";
import { find, findAll } from "./dom.js";

/**
 * @import { LivePage } from "./live-page.js"
 * @import { RoomChange } from "../onrecord/shapes.js"
 */

/**
 * @typedef {object} Shown What a view is given.
 * @property {LivePage} page
 * @property {HTMLElement} main
 * @property {string | null} roomId of the room that the page shows as it is now
 * @property {AbortSignal} signal ends what the view has set up
 * @property {(url: string) => void} replaceAddress the view shows what is at another address
 * @property {(url: string) => void} replace goes to another page in place of this one
 */

/** @typedef {(shown: Shown) => void} View Brings the content of a page to life. */

const PLACES = /^\/(account|discover|rooms|search)\//;
const TIMEOUT_MS = 15_000;
const AT_END_PX = 4;
const MARKED = ".site-header nav a, .sidebar a"; // links that can be `aria-current`

/** @param {URL | Location} url */
const address = ({ pathname, search }) => pathname + search;

/**
 * Follows links from page to page without loading anything again: fetches the page that a link leads to, and puts its
 * content in place of this one's. The mirror, the connection and what is typed stay. Where the answer is not a page
 * that this script can show, the browser goes there as it does without a script.
 */
export class PageSwitch {
  #page;
  #views;
  /** Those that were loaded, by name. @type {Map<string, View>} */
  #loaded = new Map();
  /** Ends what the view has set up. */
  #view = new AbortController();
  /** Ends the request for the next page. */
  #request = new AbortController();
  #address = address(location);
  /** Of the room that is open. @type {string | null} */
  #roomId = null;

  /**
   * @param {LivePage} page
   * @param {Record<string, () => Promise<View>>} views by the name that a page says in `data-view`: what loads each
   */
  constructor(page, views) {
    this.#page = page;
    this.#views = views;
  }

  start() {
    const { address: own } = document.body.dataset;
    if (own !== undefined) {
      history.replaceState(history.state, "", own); // of a page that answers a form: its address would send that again
      this.#address = address(location);
    }
    document.addEventListener("click", (event) => this.#clicked(event));
    document.addEventListener("submit", (event) => this.#asked(event));
    addEventListener("popstate", () => this.#popped());
    this.#begin();
  }

  /** Bring the page to life that the browser has loaded, unless another one has taken its place. */
  async #begin() {
    const { signal } = this.#view;
    await this.#load(document);
    if (!signal.aborted) this.#show(this.#page.roomId);
  }

  /** Load the view of a page. Raises where there is no answer. @param {Document} page */
  async #load({ body: { dataset } }) {
    const name = dataset.view ?? "";
    if (!this.#loaded.has(name)) this.#loaded.set(name, await this.#views[name]());
  }

  /** Go to a page, as by a link. @param {string} path */
  open(path) {
    this.#go(new URL(path, location.href), { isPush: true });
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const link = followedLink(event);
    if (link === null) return;
    const to = new URL(link.href);
    if (!PLACES.test(to.pathname) || to.origin !== location.origin) return;
    if (address(to) === address(location) && to.hash !== "") return; // another place on this page
    event.preventDefault();
    this.#go(to, { isPush: true });
  }

  /** A search is a link to what it finds. @param {SubmitEvent} event */
  #asked(event) {
    const form = event.target;
    if (event.defaultPrevented || !(form instanceof HTMLFormElement) || form.role !== "search") return;
    event.preventDefault();
    const to = new URL(form.action);
    for (const [name, text] of new FormData(form)) to.searchParams.append(name, String(text));
    this.#go(to, { isPush: true });
  }

  /** The browser went back or forward, or to another place on this page. */
  #popped() {
    this.#request.abort();
    document.documentElement.classList.remove("switching");
    if (address(location) !== this.#address) this.#go(new URL(location.href), { isPush: false });
  }

  /**
   * @param {URL} to
   * @param {{ isPush: boolean }} how `isPush`: it becomes a new entry of the browser's history
   */
  async #go(to, { isPush }) {
    this.#request.abort();
    const { signal } = (this.#request = new AbortController());
    /** @type {RoomChange[]} */
    const since = [];
    this.#page.mirror.subscribe((event) => event && since.push(event), signal);
    setUnanswered(null);
    this.#page.onAnswer = () => {};
    document.documentElement.classList.add("switching");
    const place = isPush ? null : placeOf(history.state);
    const fetched = await this.#fetch(to, signal, place === null ? "" : `?at=${place.message}`).catch(() => undefined);
    if (signal.aborted) return; // for another page
    this.#request.abort();
    document.documentElement.classList.remove("switching");
    if (fetched) this.#replace(fetched, to, { since, isPush, place });
    else if (fetched === null) leave(to, isPush);
    else this.#stay(to, isPush);
  }

  /**
   * There was no answer.
   *
   * @param {URL} to
   * @param {boolean} isPush
   */
  #stay(to, isPush) {
    setUnanswered(to);
    if (!isPush) this.#page.onAnswer = () => this.#go(to, { isPush });
  }

  /**
   * The page at `to`, with its styles and its view loaded; null where the answer is not a page that this script can
   * show. Raises where there is no answer, or none yet.
   *
   * @param {URL} to
   * @param {AbortSignal} signal
   * @param {string} place added to the address: where in it the reader was
   */
  async #fetch(to, signal, place) {
    const attempt = new AbortController();
    const end = () => attempt.abort();
    const timer = setTimeout(end, TIMEOUT_MS);
    signal.addEventListener("abort", end);
    try {
      const response = await fetch(address(to) + place, {
        headers: { Accept: "text/html", "X-User": String(this.#page.api.userId) },
        redirect: "manual",
        signal: attempt.signal,
      });
      if (response.status > 500) throw new Error("not now");
      if (!response.ok) return null;
      const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
      if (!this.#canShow(fetched)) return null;
      await Promise.all([loadStyles(fetched), this.#load(fetched)]);
      return fetched;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether it is a page of the same user and of the same version of the program. @param {Document} fetched */
  #canShow(fetched) {
    const isSameBuild = fetched.documentElement.dataset.build === document.documentElement.dataset.build;
    const hasView = Object.hasOwn(this.#views, fetched.body?.dataset.view ?? "");
    return isSameBuild && hasView && stateOf(fetched).user.id === this.#page.api.userId;
  }

  /**
   * Put a page in the place of this one, at once.
   *
   * @param {Document} fetched
   * @param {URL} to
   * @param {{ since: RoomChange[], isPush: boolean, place: Place | null }} how
   */
  #replace(fetched, to, { since, isPush, place }) {
    const state = stateOf(fetched);
    this.#view.abort();
    this.#view = new AbortController();
    if (isPush) pushAddress(to);
    this.#address = address(to);
    if (this.#roomId !== null) this.#page.mirror.close(this.#roomId);
    this.#page.clock.tell(state.now);
    this.#page.client.open(state, since);
    this.#page.hereToken = state.open?.here_token ?? null;
    replaceContent(fetched);
    this.#page.tab.title = fetched.title;
    this.#page.findLists();
    this.#page.renderLists();
    markCurrent(fetched);
    this.#show(state.open?.room.id ?? null);
    if (place !== null) returnTo(place);
    if (!isPush) find(document, "main").scrollTop = history.state?.top ?? 0;
    announce();
    const isPlaced = state.open; // a live room opens where its reader is
    if (!isPlaced && to.hash.length > 1) document.getElementById(to.hash.slice(1))?.scrollIntoView();
  }

  /** @param {string | null} roomId */
  #show(roomId) {
    this.#roomId = roomId;
    const show = this.#loaded.get(document.body.dataset.view ?? "");
    show?.({
      ...{ page: this.#page, main: find(document, "main"), roomId, signal: this.#view.signal },
      replaceAddress: (url) => {
        history.replaceState(history.state, "", url);
        this.#address = address(location);
      },
      replace: (url) => {
        history.replaceState(null, "", url);
        this.#go(new URL(location.href), { isPush: false });
      },
    });
  }
}

/**
 * The link that a click follows in this window; null where there is none, or where the browser does more than that.
 *
 * @param {MouseEvent} event
 */
function followedLink({ target, button, altKey, ctrlKey, metaKey, shiftKey, defaultPrevented }) {
  const link = target instanceof Element ? target.closest("a[href]") : null;
  const isPlain = button === 0 && !altKey && !ctrlKey && !metaKey && !shiftKey && !defaultPrevented;
  if (!isPlain || !(link instanceof HTMLAnchorElement)) return null;
  return link.target === "" && !link.hasAttribute("download") ? link : null;
}

/**
 * Go to a page as the browser does.
 *
 * @param {URL} to
 * @param {boolean} isPush
 */
function leave(to, isPush) {
  if (isPush) location.assign(to);
  else location.reload(); // the address is that of the page already
}

/** @typedef {{ message: number, offset: number }} Place The message at the top, and how far below it that begins. */

/**
 * Where the reader was, if the page was a room as it is now, and not at its end.
 *
 * @param {{ place?: Place | null } | null} state of the browser's history
 */
function placeOf(state) {
  const isRoom = /^\/rooms\/[^/]+\/$/.test(location.pathname) && location.search === "";
  return isRoom ? (state?.place ?? null) : null;
}

/** @returns {Place | null} */
function placeNow() {
  const scroll = document.querySelector(".scroll");
  if (scroll === null || scroll.scrollHeight - scroll.clientHeight - scroll.scrollTop < AT_END_PX) return null;
  const { top } = scroll.getBoundingClientRect();
  const item = [...findAll(scroll, ".messages .message")].find((each) => each.getBoundingClientRect().bottom > top);
  return item === undefined
    ? null
    : { message: Number(item.dataset.id), offset: item.getBoundingClientRect().top - top };
}

/** @param {Place} place */
function returnTo({ message, offset }) {
  const item = document.getElementById(`m${message}`);
  const scroll = item?.closest(".scroll");
  if (!item || !scroll) return;
  item.classList.remove("sought");
  scroll.scrollTop += item.getBoundingClientRect().top - scroll.getBoundingClientRect().top - offset;
}

/** Keep how far this page was scrolled, for the way back. @param {URL} to */
function pushAddress(to) {
  if (to.href === location.href) return;
  history.replaceState({ top: find(document, "main").scrollTop, place: placeNow() }, "");
  history.pushState(null, "", to);
}

/**
 * Wait for the styles that the page has and this one lacks.
 *
 * @param {Document} fetched
 */
async function loadStyles(fetched) {
  const stylesOf = (/** @type {Document} */ page) => [...findAll(page, "link[rel=stylesheet]")];
  const loaded = new Set(stylesOf(document).map((link) => link.getAttribute("href")));
  const missing = stylesOf(fetched).filter((link) => !loaded.has(link.getAttribute("href")));
  await Promise.all(missing.map(loadStyle));
}

/** @param {HTMLElement} link */
function loadStyle(link) {
  const style = document.importNode(link);
  document.head.append(style);
  return new Promise((resolve, reject) => {
    style.addEventListener("load", resolve);
    style.addEventListener("error", () => {
      style.remove();
      reject(new Error("no style"));
    });
  });
}

/** @param {Document} fetched */
function replaceContent(fetched) {
  const sidebar = document.querySelector(".sidebar");
  const newSidebar = fetched.querySelector(".sidebar");
  const body = find(document, ".site-body");
  if (newSidebar === null) sidebar?.remove();
  else if (sidebar === null) body.prepend(newSidebar); // one that is there stays, as far as it is scrolled
  find(body, "main").replaceWith(find(fetched, "main"));
  document.body.className = fetched.body.className;
  for (const link of document.querySelectorAll(".skip")) link.remove();
  document.body.prepend(...fetched.querySelectorAll(".skip"));
  document.body.dataset.view = fetched.body.dataset.view;
}

/** @param {Document} fetched */
function markCurrent(fetched) {
  const links = (/** @type {Document} */ page) => /** @type {HTMLAnchorElement[]} */ ([...findAll(page, MARKED)]);
  const current = new Set(links(fetched).filter((link) => link.ariaCurrent !== null).map((link) => link.pathname));
  for (const link of links(document)) link.ariaCurrent = current.has(link.pathname) ? "page" : null;
}

/** Say where we are, to screen readers by the name of the page, and by the focus. */
function announce() {
  const heading = find(document, "main h1");
  find(document, ".announcer").textContent = heading.textContent.trim();
  if (find(document, "main").contains(document.activeElement)) return;
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

/**
 * Say that there was no answer, with a link that tries again.
 *
 * @param {URL | null} to
 */
function setUnanswered(to) {
  const notice = find(document, ".not-answered");
  find(notice, "a", HTMLAnchorElement).href = to?.href ?? "";
  notice.hidden = to === null;
}
