import { startFrame } from "./frame.js";
import { localise } from "./words.js";

const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const SECONDS = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

const QUIET_MS = 4000;

const page = document.querySelector("[data-channel]");
const number = (value) => NUMBER.format(value);
const short = (value) => (value >= 10 ? number(value) : value.toFixed(1));

function behind({ lag_events, lag_s }) {
  if (lag_events === 0) return "up to date";
  return `${number(lag_events)} ${lag_events === 1 ? "event" : "events"}, ${short(lag_s)}\u00a0s`;
}

/** Write `text` where it is not there yet: what did not change is not touched, so that it can be selected and copied. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const figure = (name) => page.querySelector(`[data-figure="${name}"]`);
const shown = (item, name) => item.querySelector(`[data-shown="${name}"]`);

/** Bring a list in step: items that stay are kept, with the focus that they may have; `fill(item, value)` writes one. */
function keep(list, template, values, key, fill) {
  const items = new Map([...list.children].map((item) => [item.dataset.key, item]));
  const wanted = values.map((value) => {
    const item = items.get(String(key(value))) ?? document.getElementById(template).content.firstElementChild.cloneNode(true);
    item.dataset.key = String(key(value));
    fill(item, value);
    return item;
  });
  for (const item of items.values()) if (!wanted.includes(item)) item.remove();
  wanted.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
}

function fillProjection(item, each) {
  write(shown(item, "projection"), each.projection);
  write(shown(item, "lifecycle"), each.lifecycle);
  write(shown(item, "state"), each.state);
  shown(item, "state").dataset.state = each.state;
  write(shown(item, "checkpoint"), number(each.checkpoint));
  write(shown(item, "behind"), behind(each));
  write(shown(item, "rate"), short(each.events_per_s ?? 0));
  write(shown(item, "holder"), each.holder ?? "nobody");
  write(shown(item, "reason"), each.reason ?? "");
  shown(item, "reason").hidden = each.reason === null;
}

function fillLetter(item, letter) {
  item.querySelector("a").href = `/operations/dead-letters/${letter.dead_letter_id}/`;
  write(shown(item, "id"), String(letter.dead_letter_id));
  write(shown(item, "what"), `fanout-${letter.lane} at ${number(letter.position)}: ${letter.reason}`);
  fillTime(item, letter.set_aside_at);
}

function fillAction(item, action) {
  for (const name of ["who", "action", "subject", "why"]) write(shown(item, name), action[name]);
  fillTime(item, action.taken_at);
}

function fillTime(item, timestamp) {
  const time = item.querySelector("time");
  if (time.dateTime === timestamp) return;
  time.dateTime = timestamp;
  localise(item);
}

function renderRebuild(rebuild) {
  const isRunning = rebuild?.state === "rebuilding";
  write(figure("rebuild-state"), rebuild?.state ?? "none runs");
  figure("rebuild-state").dataset.state = rebuild?.state ?? "";
  page.querySelector(".rebuild-progress").hidden = rebuild === null;
  page.querySelector(".start-form").hidden = isRunning;
  page.querySelector(".cancel-form").hidden = !isRunning;
  page.querySelector(".restart").hidden = rebuild === null;
  write(figure("start"), rebuild === null ? "Start" : "Go on");
  if (rebuild === null) return;
  const { position, head, events_per_s, left_s } = rebuild;
  const progress = page.querySelector("progress");
  progress.max = Math.max(1, head);
  progress.value = position;
  write(figure("percent"), `${head > 0 ? Math.floor((100 * position) / head) : 100} %`);
  write(figure("place"), `${number(position)} of ${number(head)}`);
  write(figure("rebuild-rate"), isRunning ? `${short(events_per_s ?? 0)} events/s` : "");
  write(figure("left"), left_s === null ? "" : `${number(left_s)} s left`);
}

/** A lane that stopped: its event is the one to skip, unless somebody is typing another. */
function renderSkip(projections) {
  const form = page.querySelector(".skip-form");
  const stopped = projections.find((each) => each.failed_position !== null);
  if (form.hidden && stopped !== undefined) form.elements.position.value = String(stopped.failed_position);
  form.hidden = stopped === undefined;
}

function render(figures) {
  asOf(figures.read_at);
  write(figure("position"), number(figures.position));
  write(figure("rate"), short(figures.events_per_s));
  write(figure("letters"), number(figures.dead_letter_count));
  keep(page.querySelector(".projections"), "projection-template", figures.projections, projectionKey, fillProjection);
  renderSkip(figures.projections);
  renderRebuild(figures.rebuild);
  keep(page.querySelector(".letters"), "letter-template", figures.dead_letters, (each) => each.dead_letter_id, fillLetter);
  page.querySelector(".no-letters").hidden = figures.dead_letters.length > 0;
  keep(page.querySelector(".actions"), "action-template", figures.actions, (each) => each.action_id, fillAction);
  page.querySelector(".no-actions").hidden = figures.actions.length > 0;
}

const projectionKey = ({ projection, lifecycle }) => `${projection} ${lifecycle}`;

let quiet;

/** When the figures were read; they are old when no new ones come, whatever the reason. */
function asOf(timestamp) {
  const time = page.querySelector(".as-of");
  time.dateTime = timestamp;
  write(time, SECONDS.format(new Date(timestamp)));
  const since = page.querySelector(".since");
  write(since, "As of");
  clearTimeout(quiet);
  quiet = setTimeout(() => write(since, "No news since"), QUIET_MS);
}

const { client } = startFrame();
for (const list of page.querySelectorAll(".record")) localise(list);
asOf(page.querySelector(".as-of").dateTime);
client.listen(page.dataset.channel, ({ type, body }) => {
  const isNews = type === "operations_figures" && body.read_at > page.querySelector(".as-of").dateTime;
  if (isNews) render(body); // another process's figures may be overtaken on their way
});
