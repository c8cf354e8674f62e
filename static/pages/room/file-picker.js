import { counted, number } from "../../onrecord/format.js";
import { MOST_FILES } from "../../onrecord/uploads.js";
import { find, fromTemplate, itemsOf, write } from "../dom.js";

/** @import { Upload, Uploads } from "../../onrecord/uploads.js" */

/**
 * Files for the message that is being written: chosen with the button, dropped on the room, or pasted. Shows how far
 * each is sent. They are sent on when the page of another room takes this one's place.
 */
export class FilePicker {
  #uploads;
  #list;
  #note;
  #input;

  /**
   * @param {HTMLFormElement} form
   * @param {Uploads} uploads
   * @param {{ place: HTMLElement, signal: AbortSignal }} where `place`: where files may be dropped
   */
  constructor(form, uploads, { place, signal }) {
    this.#uploads = uploads;
    this.#list = find(form, ".files");
    this.#note = find(form, ".files-note");
    this.#input = find(form, ".attach input", HTMLInputElement);
    this.#input.addEventListener("change", () => {
      this.#add([...(this.#input.files ?? [])]);
      this.#input.value = ""; // so that the same file can be chosen again
    });
    place.addEventListener("dragover", (event) => {
      if (this.#input.disabled || event.dataTransfer?.types.includes("Files") !== true) return;
      event.preventDefault();
    }, { signal });
    place.addEventListener("drop", (event) => this.#dropped(event, event.dataTransfer), { signal });
    form.addEventListener("paste", (event) => this.#dropped(event, event.clipboardData));
    this.#list.addEventListener("click", ({ target }) => {
      const item = target instanceof Element && target.closest("button") && target.closest("li");
      if (item instanceof HTMLElement) uploads.remove(item.dataset.key ?? "");
    });
    uploads.onChange = () => this.#render();
    signal.addEventListener("abort", () => (uploads.onChange = () => {}));
    this.#render();
  }

  /** @param {boolean} isEnabled */
  update(isEnabled) {
    this.#input.disabled = !isEnabled;
  }

  /** Whether there are none. */
  get isEmpty() {
    return this.#uploads.all.length === 0;
  }

  /** Whether a message with these files can be sent; where not, it is said why. */
  get areReady() {
    const isBusy = this.#uploads.isBusy;
    write(this.#note, isBusy ? "Send the message when its files are sent, or take them out." : "");
    return !isBusy;
  }

  /** The files, for a message that has them from now on. */
  take() {
    return this.#uploads.take();
  }

  /**
   * @param {Event} event
   * @param {DataTransfer | null} data
   */
  #dropped(event, data) {
    const files = [...(data?.files ?? [])];
    if (files.length === 0 || this.#input.disabled) return;
    event.preventDefault();
    this.#add(files);
  }

  /** @param {File[]} files */
  #add(files) {
    const most = MOST_FILES - this.#uploads.all.length;
    this.#uploads.add(files);
    const left = files.length - most;
    write(this.#note, left > 0 ? `A message has ${MOST_FILES} files at most: ${counted(left, "file")} left out.` : "");
  }

  #render() {
    const { all } = this.#uploads;
    const shown = new Map(itemsOf(this.#list).map((item) => [item.dataset.key ?? "", item]));
    for (const [key, item] of shown) if (!all.some((upload) => upload.key === key)) item.remove();
    for (const upload of all) showUpload(shown.get(upload.key) ?? this.#list.appendChild(newItem(upload)), upload);
    this.#list.hidden = all.length === 0;
    if (!this.#uploads.isBusy && this.#note.textContent?.startsWith("Send")) write(this.#note, "");
  }
}

/** @param {Upload} upload */
function newItem({ key, name }) {
  const item = fromTemplate("upload-template");
  item.dataset.key = key;
  write(find(item, ".file-name"), name || "file");
  find(item, "button").ariaLabel = `Take out ${name || "file"}`;
  return item;
}

/**
 * @param {HTMLElement} item
 * @param {Upload} upload
 */
function showUpload(item, { state, sent, size, problem }) {
  item.dataset.state = state;
  const progress = find(item, "progress", HTMLProgressElement);
  progress.hidden = state !== "sending";
  progress.max = Math.max(size, 1);
  progress.value = sent;
  write(find(item, ".state"), stateText(state, size, problem));
}

/**
 * @param {Upload["state"]} state
 * @param {number} size
 * @param {string} problem
 */
function stateText(state, size, problem) {
  if (state === "waiting") return `sent again soon: ${problem}`;
  return state === "refused" ? problem : `${number(size)} bytes`;
}
