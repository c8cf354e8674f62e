import { joinedAndLeft } from "../../onrecord/format.js";
import { findAll } from "../dom.js";
import { named } from "../people.js";

/**
 * @import { JoinOrLeave } from "../../onrecord/shapes.js"
 * @import { Room } from "../../onrecord/room.js"
 */

const MOST_UNFOLDED = 3; // steps of a run; of more, each is told in a part that opens

/** What each line tells now: a name goes when an account is erased. @type {WeakMap<HTMLElement, string>} */
const TOLD = new WeakMap();

/** Lines between messages: who joined and left there. One line for all between two messages. */
export class JoinLines {
  #list;
  #room;
  /** By the message that they follow; 0 before the first. @type {Map<number, HTMLElement>} */
  #lines = new Map();
  /** @type {JoinOrLeave[] | null} */
  #shown = null;

  /**
   * @param {HTMLElement} list of messages; the server's own lines are replaced
   * @param {Room} room an open one
   */
  constructor(list, room) {
    this.#list = list;
    this.#room = room;
    for (const line of findAll(list, ":scope > .joins")) line.remove();
  }

  get isOutdated() {
    return this.#shown !== this.#room.joinsAndLeaves;
  }

  /**
   * Put each line after its message, where that is in the document; returns whether a line was added or removed.
   *
   * @param {boolean} hasAbove whether there are messages above those in the document
   */
  place(hasAbove) {
    const { joinsAndLeaves, messages } = this.#room;
    const lines = this.#lines;
    const before = lines.size;
    const runs = runsOf(joinsAndLeaves, (messages ?? []).map(({ id }) => id));
    for (const [id, line] of lines) if (!runs.has(id)) this.#drop(id, line);
    for (const [id, run] of runs) {
      const item = this.#list.querySelector(`:scope > #m${id}`);
      const line = lines.get(id) ?? lineOf();
      if (item === null && (id > 0 || hasAbove)) this.#drop(id, line);
      else {
        lines.set(id, line);
        fill(line, run);
        if (item === null ? this.#list.firstElementChild !== line : item.nextElementSibling !== line) {
          if (item === null) this.#list.prepend(line);
          else item.after(line);
        }
      }
    }
    const isSame = this.#shown === joinsAndLeaves && before === lines.size;
    this.#shown = joinsAndLeaves;
    return !isSame;
  }

  /** Take away what stands above the first message or day. */
  removeFirst() {
    while (this.#list.firstElementChild?.matches(".joins")) this.#list.firstElementChild.remove();
  }

  /**
   * @param {number} id
   * @param {HTMLElement} line
   */
  #drop(id, line) {
    line.remove();
    this.#lines.delete(id);
  }
}

/**
 * Joins and leaves by the message that they follow; 0 before the first.
 *
 * @param {JoinOrLeave[]} steps ascending
 * @param {number[]} ids ascending
 */
function runsOf(steps, ids) {
  /** @type {Map<number, JoinOrLeave[]>} */
  const runs = new Map();
  let next = 0;
  for (const step of steps) {
    while (next < ids.length && ids[next] < step.version) next += 1;
    const id = ids[next - 1] ?? 0;
    runs.set(id, [...(runs.get(id) ?? []), step]);
  }
  return runs;
}

function lineOf() {
  const line = document.createElement("li");
  line.className = "joins";
  return line;
}

/**
 * @param {HTMLElement} line
 * @param {JoinOrLeave[]} run
 */
function fill(line, run) {
  const told = run.map(({ user, step, version }) => `${version} ${user.username} ${user.kind} ${step}`).join("\n");
  if (TOLD.get(line) === told) return;
  TOLD.set(line, told);
  line.dataset.steps = String(run.length);
  line.dataset.since = String(run[0].version);
  if (run.length <= MOST_UNFOLDED) {
    const shown = document.createElement("span");
    shown.append(...toldIn(run));
    line.replaceChildren(shown);
    return;
  }
  const details = line.querySelector("details") ?? document.createElement("details");
  const summary = details.querySelector("summary") ?? document.createElement("summary");
  summary.replaceChildren(...toldIn(run));
  const list = document.createElement("ul");
  list.append(...run.map(stepItem));
  details.replaceChildren(summary, list);
  line.replaceChildren(details);
}

/** @param {JoinOrLeave[]} run */
function toldIn(run) {
  return joinedAndLeft(run).flatMap(({ users, told }, at) => [
    ...(at === 0 ? [] : ["; "]),
    ...users.flatMap((user, place) => [...(place === 0 ? [] : [", "]), ...named(user)]),
    ` ${told}`,
  ]);
}

/** @param {JoinOrLeave} step */
function stepItem({ user, step }) {
  const item = document.createElement("li");
  item.append(...named(user), step === "removed" ? " was removed" : ` ${step}`);
  return item;
}
