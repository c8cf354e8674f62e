import { onChange, startFrame } from "./frame.js";
import { localise, separateDays } from "./words.js";

const SETTLED_MS = 60;

const { mirror } = startFrame();
const slider = document.getElementById("at");
const shown = document.querySelector(".slider output");
const room = document.querySelector(".slider").action.split("/").at(-3);

let wanted = slider.value;
let asking = null;

function local() {
  localise(document.getElementById("moment"));
  for (const list of document.querySelectorAll("#moment .messages")) separateDays(list);
}

/** Show what another page of this history shows. The focus stays with what it was on. */
function takeOver(page) {
  const { activeElement } = document;
  const isStep = activeElement.closest(".steps") !== null;
  const focused = isStep ? `.steps [rel=${activeElement.rel}][href]` : ".stream [aria-current] a";
  const isReplaced = isStep || activeElement.closest(".stream") !== null;
  document.getElementById("moment").replaceWith(page.getElementById("moment"));
  document.querySelector(".steps").replaceWith(page.querySelector(".steps"));
  document.title = page.title;
  local();
  if (isReplaced) (document.querySelector(focused) ?? slider).focus();
}

/** Show another version: the server renders a moment, here as on a first visit, and its part of the page is taken over. */
async function show(version, { isBack = false } = {}) {
  wanted = String(version);
  slider.value = wanted;
  shown.textContent = wanted;
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const url = `?at=${wanted}`;
  try {
    await new Promise((resolve) => setTimeout(resolve, SETTLED_MS)); // a slider that is dragged asks once
    if (signal.aborted) return;
    const response = await fetch(url, { signal });
    if (!response.ok) throw new Error(String(response.status));
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    takeOver(page);
    if (!isBack) history.replaceState(null, "", url);
  } catch (error) {
    if (error.name !== "AbortError") location.assign(url);
  }
}

slider.addEventListener("input", () => show(slider.value));
document.querySelector("main").addEventListener("click", (event) => {
  const link = event.target.closest("a[href]");
  if (link === null || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
  const to = new URL(link.href);
  const version = to.searchParams.get("at");
  if (to.pathname !== location.pathname || version === null) return;
  event.preventDefault();
  show(version);
});
onChange(mirror, () => {
  const now = mirror.room(room)?.version;
  if (now === undefined || now === Number(slider.max)) return;
  slider.max = String(now);
  slider.value = wanted;
  document.querySelector(".newest-version").textContent = slider.max;
});
local();
