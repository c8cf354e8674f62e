import { find, findAll } from "./dom.js";
import { onChange, startLivePage } from "./live-page.js";
import { localise, separateDays } from "./times.js";

const SETTLED_MS = 60;

const { mirror } = startLivePage();
const slider = find(document, "#at", HTMLInputElement);
const output = find(document, ".slider output");
const roomId = find(document, ".slider", HTMLFormElement).action.split("/").at(-3) ?? "";

let wanted = slider.value;
/** @type {AbortController | null} */
let request = null;

function showLocalTimes() {
  localise(find(document, "#moment"));
  for (const list of findAll(document, "#moment .messages")) separateDays(list);
}

/**
 * Show the moment of another page of this history. The focus stays on what it was on.
 *
 * @param {Document} page
 */
function replaceMoment(page) {
  const { activeElement } = document;
  const isStep = activeElement instanceof HTMLAnchorElement && activeElement.closest(".steps") !== null;
  const focused = isStep ? `.steps [rel=${activeElement.rel}][href]` : ".stream [aria-current] a";
  const isReplaced = isStep || Boolean(activeElement?.closest(".stream"));
  find(document, "#moment").replaceWith(find(page, "#moment"));
  find(document, ".steps").replaceWith(find(page, ".steps"));
  find(document, "h1").replaceWith(find(page, "h1"));
  document.title = page.title;
  showLocalTimes();
  if (isReplaced) (findAll(document, focused)[0] ?? slider).focus();
}

/**
 * Show another version: the server renders its page as on a first visit, and this page takes over the moment.
 *
 * @param {string} version
 */
async function show(version) {
  wanted = version;
  slider.value = version;
  output.textContent = version;
  request?.abort();
  request = new AbortController();
  const { signal } = request;
  const url = `?at=${version}`;
  try {
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS)); // while the slider is dragged, nothing is fetched
    if (signal.aborted) return;
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(String(response.status));
    replaceMoment(new DOMParser().parseFromString(await response.text(), "text/html"));
    history.replaceState(null, "", url);
  } catch {
    if (!signal.aborted) location.assign(url);
  }
}

slider.addEventListener("input", () => show(slider.value));
find(document, "main").addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  if (!(link instanceof HTMLAnchorElement)) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  const to = new URL(link.href);
  const version = to.searchParams.get("at");
  if (to.pathname !== location.pathname || version === null) return;
  event.preventDefault();
  show(version);
});
mirror.subscribe((event) => event?.type === "content_erased" && event.body.room.id === roomId && show(wanted));
onChange(mirror, () => {
  const newest = mirror.room(roomId)?.version;
  if (newest === undefined || newest === Number(slider.max)) return;
  slider.max = String(newest);
  slider.value = wanted;
  find(document, ".newest-version").textContent = slider.max;
});
showLocalTimes();
