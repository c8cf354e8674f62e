import { clockWithSeconds, counted, dayAndClock, number, percent, rate, span } from "../onrecord/format.js";
import { find, findAll, fromTemplate, itemsOf, write } from "./dom.js";
import { LivePage } from "./live-page.js";
import { localise } from "./times.js";

/**
 * @import {
 *   DeadLetter, Figures, OperatorAction, ProjectionStatus, RebuildStatus, TreeStatus, WitnessStatus
 * } from "../onrecord/shapes.js"
 */

const STALE_MS = 4000;

const page = find(document, "[data-channel]");

/** @param {string} name */
const figure = (name) => find(page, `[data-figure="${name}"]`);
/**
 * @param {HTMLElement} item
 * @param {string} name
 */
const field = (item, name) => find(item, `[data-field="${name}"]`);

/** @param {{ lag_events: number, lag_s: number }} behind */
function lag({ lag_events, lag_s }) {
  return lag_events === 0 ? "up to date" : `${counted(lag_events, "event")}, ${rate(lag_s)}\u00a0s`;
}

/**
 * Update a list in place: items that stay are the same elements, so they keep the focus.
 *
 * @template T
 * @param {HTMLElement} list
 * @param {string} template
 * @param {T[]} values
 * @param {(value: T) => string | number} key
 * @param {(item: HTMLElement, value: T) => void} fill
 */
function updateList(list, template, values, key, fill) {
  const items = new Map(itemsOf(list).map((item) => [item.dataset.key, item]));
  const wanted = values.map((value) => {
    const item = items.get(String(key(value))) ?? fromTemplate(template);
    item.dataset.key = String(key(value));
    fill(item, value);
    return item;
  });
  for (const item of items.values()) if (!wanted.includes(item)) item.remove();
  wanted.forEach((item, place) => {
    if (list.children[place] !== item) list.insertBefore(item, list.children[place] ?? null);
  });
}

/**
 * @param {HTMLElement} item
 * @param {ProjectionStatus} projection
 */
function fillProjection(item, projection) {
  write(field(item, "projection"), projection.projection);
  write(field(item, "lifecycle"), projection.lifecycle);
  write(field(item, "state"), projection.state);
  field(item, "state").dataset.state = projection.state;
  write(field(item, "checkpoint"), number(projection.checkpoint));
  write(field(item, "lag"), lag(projection));
  write(field(item, "rate"), rate(projection.events_per_s ?? 0));
  write(field(item, "holder"), projection.holder ?? "no process");
  write(field(item, "reason"), projection.reason ?? "");
  field(item, "reason").hidden = projection.reason === null;
}

/**
 * @param {HTMLElement} item
 * @param {DeadLetter} letter
 */
function fillDeadLetter(item, letter) {
  find(item, "a", HTMLAnchorElement).href = `/operations/dead-letters/${letter.dead_letter_id}/`;
  write(field(item, "id"), String(letter.dead_letter_id));
  write(field(item, "event"), `fanout-${letter.lane} at ${number(letter.position)}: ${letter.reason}`);
  fillTime(item, letter.set_aside_at);
}

/**
 * @param {HTMLElement} item
 * @param {OperatorAction} action
 */
function fillAction(item, action) {
  write(field(item, "who"), action.who);
  write(field(item, "action"), action.action);
  write(field(item, "subject"), action.subject);
  write(field(item, "why"), action.why);
  fillTime(item, action.taken_at);
}

/**
 * @param {HTMLElement} item
 * @param {string} timestamp
 */
function fillTime(item, timestamp) {
  const time = find(item, "time", HTMLTimeElement);
  if (time.dateTime === timestamp) return;
  time.dateTime = timestamp;
  localise(item);
}

/**
 * @param {HTMLElement} item
 * @param {WitnessStatus} witness
 */
function fillWitness(item, { name, size, age_s, problem }) {
  write(field(item, "name"), name);
  write(field(item, "state"), problem === null ? "cosigned" : "silent");
  field(item, "state").dataset.state = problem === null ? "running" : "stopped";
  write(field(item, "size"), counted(size, "event"));
  write(field(item, "age"), age_s === null ? "never" : `${span(age_s)} ago`);
  write(field(item, "problem"), problem ?? "");
  field(item, "problem").hidden = problem === null;
}

/** @param {TreeStatus} tree */
function renderTree(tree) {
  const { checkpoint, verification } = tree;
  write(figure("tree-state"), tree.state);
  figure("tree-state").dataset.state = tree.state;
  write(figure("tree-summary"), tree.summary);
  write(figure("tree-size"), number(tree.size));
  write(figure("tree-lag"), lag(tree));
  const signed = checkpoint && `${counted(checkpoint.size, "event")}, ${span(checkpoint.age_s)} ago`;
  write(figure("tree-checkpoint"), signed ?? "none yet");
  write(figure("tree-verification"), verification === null ? notVerified(tree) : verified(verification));
  write(figure("tree-epoch"), String(tree.epoch));
  write(figure("tree-origin"), tree.origin);
  write(figure("tree-key"), signedWith(tree));
  updateList(find(page, ".witnesses"), "witness-template", tree.witnesses, ({ name }) => name, fillWitness);
  find(page, ".no-witnesses").hidden = tree.witnesses.length > 0;
}

/** @param {TreeStatus} tree */
function signedWith({ key, next_key: next }) {
  const id = (/** @type {string} */ short) => short.slice(short.lastIndexOf("+") + 1);
  const now = key === "" ? "" : ` with the key ${id(key)}`;
  return next === null ? now : `${now}, and with ${id(next)} after the next checkpoint`;
}

/** @param {NonNullable<TreeStatus["verification"]>} verification */
const verified = ({ size, findings, at }) =>
  `${counted(size, "event")}, ${counted(findings, "finding")}, ${dayAndClock(at)}`;

/** @param {TreeStatus} tree */
const notVerified = ({ verification_due: due }) => (due === null ? "none yet" : `none yet, due ${dayAndClock(due)}`);

/** @param {RebuildStatus | null} rebuild */
function renderRebuild(rebuild) {
  const isRunning = rebuild?.state === "rebuilding";
  write(figure("rebuild-state"), rebuild?.state ?? "not running");
  figure("rebuild-state").dataset.state = rebuild?.state ?? "";
  find(page, ".rebuild-progress").hidden = rebuild === null;
  find(page, ".start-form").hidden = isRunning;
  find(page, ".cancel-form").hidden = !isRunning;
  find(page, ".restart").hidden = rebuild === null;
  write(figure("start"), rebuild === null ? "Start" : "Resume");
  if (rebuild === null) return;
  const { position, head, events_per_s, left_s } = rebuild;
  const progress = find(page, "progress", HTMLProgressElement);
  progress.max = Math.max(1, head);
  progress.value = position;
  write(figure("percent"), percent(position, head));
  write(figure("rebuild-position"), `${number(position)} of ${number(head)}`);
  write(figure("rebuild-rate"), isRunning ? `${rate(events_per_s ?? 0)} events/s` : "");
  write(figure("left"), left_s === null ? "" : `${number(left_s)} s left`);
}

/**
 * Offer to skip the event that stopped a lane. A form that is open stays as it is: a position may be being typed.
 *
 * @param {ProjectionStatus[]} projections
 */
function renderSkip(projections) {
  const form = find(page, ".skip-form");
  const stopped = projections.find((projection) => projection.failed_position !== null);
  if (form.hidden && stopped !== undefined) {
    find(form, "#position", HTMLInputElement).value = String(stopped.failed_position);
  }
  form.hidden = stopped === undefined;
}

/** @param {Figures} figures */
function render(figures) {
  showReadAt(figures.read_at);
  write(figure("position"), number(figures.position));
  write(figure("rate"), rate(figures.events_per_s));
  write(figure("dead-letters"), number(figures.dead_letter_count));
  updateList(find(page, ".projections"), "projection-template", figures.projections, projectionKey, fillProjection);
  renderTree(figures.tree);
  renderSkip(figures.projections);
  renderRebuild(figures.rebuild);
  updateList(find(page, ".dead-letters"), "dead-letter-template", figures.dead_letters, deadLetterKey, fillDeadLetter);
  find(page, ".no-dead-letters").hidden = figures.dead_letters.length > 0;
  updateList(find(page, ".actions"), "action-template", figures.actions, actionKey, fillAction);
  find(page, ".no-actions").hidden = figures.actions.length > 0;
}

/** @param {ProjectionStatus} projection */
const projectionKey = ({ projection, lifecycle }) => `${projection} ${lifecycle}`;
/** @param {DeadLetter} letter */
const deadLetterKey = ({ dead_letter_id }) => dead_letter_id;
/** @param {OperatorAction} action */
const actionKey = ({ action_id }) => action_id;

/** @type {ReturnType<typeof setTimeout> | undefined} */
let staleTimer;

const readAt = find(page, ".read-at", HTMLTimeElement);

/**
 * Show when the figures were read, and that they are stale when none follow.
 *
 * @param {string} timestamp
 */
function showReadAt(timestamp) {
  const label = find(page, ".freshness");
  readAt.dateTime = timestamp;
  write(readAt, clockWithSeconds(timestamp));
  write(label, "As of");
  clearTimeout(staleTimer);
  staleTimer = setTimeout(() => write(label, "No update since"), STALE_MS);
}

const live = new LivePage();
live.start();
for (const list of findAll(page, ".record-list, .tree")) localise(list);
showReadAt(readAt.dateTime);
live.client.listen(page.dataset.channel ?? "", ({ type, body }) => {
  const isNewer = type === "operations_figures" && body.read_at > readAt.dateTime; // several processes publish figures
  if (isNewer) render(body);
});
