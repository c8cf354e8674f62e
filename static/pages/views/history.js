import { find, findAll } from "../dom.js";
import { offerChecks } from "../proof-check.js";
import { localise, separateDays } from "../times.js";

/** @import { Shown } from "../page-switch.js" */

const SETTLED_MS = 60;

/** After these, what is shown of earlier events is less. */
const ERASES = new Set(["content_erased", "user_erased"]);

/**
 * The history of a room: another version is shown in place, as the server renders it.
 *
 * @param {Shown} shown
 */
export function showHistory(shown) {
  const { page, main, signal, replaceAddress } = shown;
  const slider = find(main, "#at", HTMLInputElement);
  const output = find(main, ".slider output");
  const roomId = find(main, ".slider", HTMLFormElement).action.split("/").at(-3) ?? "";
  const { pathname } = location;
  let wanted = slider.value;
  let request = new AbortController();
  signal.addEventListener("abort", () => request.abort());

  /** @param {URL} url of a moment, with what is shown of it */
  async function show(url) {
    const version = url.searchParams.get("at") ?? slider.value;
    wanted = version;
    slider.value = version;
    output.textContent = version;
    request.abort();
    request = new AbortController();
    const isOver = request.signal;
    try {
      await new Promise((resolve) => setTimeout(resolve, SETTLED_MS)); // while it is dragged, nothing is fetched
      if (isOver.aborted) return;
      const response = await fetch(url, { headers: { "X-User": String(page.api.userId) }, signal: isOver });
      if (!response.ok) throw new Error(String(response.status));
      const fetched = new DOMParser().parseFromString(await response.text(), "text/html");
      replaceMoment(fetched, slider);
      page.tab.title = fetched.title;
      wanted = find(main, "#moment").dataset.version ?? version; // the nearest that the user may read
      slider.value = wanted;
      output.textContent = wanted;
      url.searchParams.set("at", wanted);
      replaceAddress(url.pathname + url.search);
    } catch {
      if (!isOver.aborted) location.assign(url.href);
    }
  }

  /** @param {string} version */
  const at = (version) => {
    const url = new URL(location.href);
    url.searchParams.set("at", version);
    return url;
  };

  slider.addEventListener("input", () => show(at(slider.value)));
  main.addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
    if (!(link instanceof HTMLAnchorElement)) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    const to = new URL(link.href);
    if (to.pathname !== pathname || !to.searchParams.has("at")) return;
    event.preventDefault();
    show(to);
  });
  const render = () => {
    const newest = page.mirror.room(roomId)?.version;
    if (newest === undefined || newest === Number(slider.max)) return;
    slider.max = String(newest);
    slider.value = wanted;
    find(main, ".newest-version").textContent = slider.max;
  };
  page.mirror.subscribe((event) => {
    if (event !== null && ERASES.has(event.type) && event.body.room.id === roomId) show(at(wanted));
  }, signal);
  page.onChange(render, signal);
  showLocalTimes();
  placeChosen();
  offerChecks(shown);
}

/**
 * Scroll the stream so that the chosen event is in sight: where it was, or else in the middle.
 *
 * @param {number} [top] how far below the upper edge of the stream it was
 */
function placeChosen(top) {
  const [stream, chosen] = [find(document, ".stream"), findAll(document, ".stream [aria-current]")[0]];
  if (chosen === undefined) return;
  const wanted = top ?? (stream.clientHeight - chosen.offsetHeight) / 2;
  stream.scrollTop += topIn(stream, chosen) - wanted;
}

/**
 * @param {HTMLElement} stream
 * @param {HTMLElement} item
 */
const topIn = (stream, item) => item.getBoundingClientRect().top - stream.getBoundingClientRect().top;

/**
 * Where an event stands in the part of the stream that is in sight; undefined where it is not.
 *
 * @param {string | undefined} version
 */
function placeOf(version) {
  const stream = find(document, ".stream");
  const item = [...findAll(stream, ".event")].find((each) => find(each, ".version").textContent === version);
  const top = item && topIn(stream, item);
  return top !== undefined && top >= 0 && top < stream.clientHeight ? top : undefined;
}

function showLocalTimes() {
  localise(find(document, "#moment"));
  separateDays(find(document, ".stream"), ".event");
  for (const list of findAll(document, "#moment .messages")) separateDays(list);
}

/**
 * Show the moment of another page of this history. The focus stays on what it was on.
 *
 * @param {Document} page
 * @param {HTMLElement} slider
 */
function replaceMoment(page, slider) {
  const { activeElement } = document;
  const isStep = activeElement instanceof HTMLAnchorElement && activeElement.closest(".steps") !== null;
  const isTab = Boolean(activeElement?.closest(".tabs"));
  const focused = isStep ? `.steps [rel=${activeElement.rel}][href]` : ".stream [aria-current] a";
  const isReplaced = isStep || isTab || Boolean(activeElement?.closest(".stream"));
  const place = placeOf(find(page, "#moment").dataset.version);
  find(document, "#moment").replaceWith(find(page, "#moment"));
  find(document, ".steps").replaceWith(find(page, ".steps"));
  find(document, "h1").replaceWith(find(page, "h1"));
  showLocalTimes();
  placeChosen(place);
  if (isReplaced) (findAll(document, isTab ? ".tabs [aria-current]" : focused)[0] ?? slider).focus();
}
