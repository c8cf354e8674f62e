import { ApiError } from "./api.js";

/**
 * @import { UserStore } from "./user-store.js"
 * @import { Attachment } from "./shapes.js"
 */

/**
 * A file that was chosen for the next message of a room. `attachment` is there once the server has it.
 *
 * @typedef {object} Upload
 * @property {string} key
 * @property {string} name
 * @property {number} size in bytes
 * @property {number} sent how many bytes of it are sent
 * @property {"sending" | "waiting" | "kept" | "refused"} state Sent now; sent again soon; on the server; not to be had.
 * @property {string} problem Why it waits or was refused.
 * @property {AttachedFile | null} attachment
 */

/** @typedef {Pick<Attachment, "id" | "name" | "size">} AttachedFile */

/**
 * @typedef {object} Sending
 * @property {(sent: number) => void} onProgress called with how many bytes are sent
 * @property {AbortSignal} signal ends it
 */

/** @typedef {(file: File, sending: Sending) => Promise<Attachment>} Send Sends a file. Throws ApiError. */

const RETRY_MS = [500, 1000, 2000, 5000, 10_000, 30_000];
export const MOST_FILES = 10;

/** Of a room. @param {string} roomId */
const uploadsName = (roomId) => `files:${roomId}`;

/**
 * The files for the next message of a room: each is sent at once, and again after a lost connection, until the server
 * has it or refuses it. What the server has outlives this window. No network, no DOM.
 */
export class Uploads {
  /** Called after each change. */
  onChange = () => {};
  /** @type {Upload[]} */
  #uploads = [];
  /** What ends the sending of each. @type {Map<string, AbortController>} */
  #sending = new Map();
  #roomId;
  #store;
  #send;
  #newKey;

  /**
   * @param {string} roomId
   * @param {object} parts
   * @param {UserStore} parts.store
   * @param {Send} parts.send
   * @param {() => string} parts.newKey makes a unique key
   */
  constructor(roomId, { store, send, newKey }) {
    this.#roomId = roomId;
    this.#store = store;
    this.#send = send;
    this.#newKey = newKey;
    /** @type {AttachedFile[]} */
    const kept = JSON.parse(store.get(uploadsName(roomId)) ?? "[]");
    for (const attachment of kept) this.#uploads.push(this.#upload(attachment, { state: "kept", attachment }));
  }

  /** In the order chosen. */
  get all() {
    return this.#uploads;
  }

  /** Whether some are not on the server, and may come to be. */
  get isBusy() {
    return this.#uploads.some(({ state }) => state === "sending" || state === "waiting");
  }

  /**
   * Choose more files; those beyond the most that a message may have are left out.
   *
   * @param {File[]} files
   */
  add(files) {
    for (const file of files.slice(0, MOST_FILES - this.#uploads.length)) {
      const upload = this.#upload(file, { state: "sending", attachment: null });
      this.#uploads.push(upload);
      this.#keepSending(upload, file);
    }
    this.onChange();
  }

  /** The user does not want this one. @param {string} key */
  remove(key) {
    this.#sending.get(key)?.abort();
    this.#uploads = this.#uploads.filter((upload) => upload.key !== key);
    this.#save();
  }

  /** Hand the files over to a message; there are none for the next one. */
  take() {
    const files = this.#uploads.flatMap(({ attachment }) => (attachment === null ? [] : [attachment]));
    this.#uploads = [];
    this.#save();
    return files;
  }

  /**
   * @param {{ name: string, size: number }} file
   * @param {Pick<Upload, "state" | "attachment">} more
   * @returns {Upload}
   */
  #upload({ name, size }, { state, attachment }) {
    return { key: this.#newKey(), name, size, sent: attachment === null ? 0 : size, state, problem: "", attachment };
  }

  /**
   * @param {Upload} upload
   * @param {File} file
   */
  async #keepSending(upload, file) {
    const ended = new AbortController();
    this.#sending.set(upload.key, ended);
    for (let tries = 0; upload.state !== "kept" && upload.state !== "refused" && !ended.signal.aborted; tries += 1) {
      if (tries > 0) await sleepUntil(ended.signal, RETRY_MS[Math.min(tries, RETRY_MS.length) - 1]);
      if (!ended.signal.aborted) await this.#sendOnce(upload, file, ended.signal);
    }
    this.#sending.delete(upload.key);
  }

  /**
   * @param {Upload} upload
   * @param {File} file
   * @param {AbortSignal} signal
   */
  async #sendOnce(upload, file, signal) {
    const change = (/** @type {Partial<Upload>} */ changes) => {
      Object.assign(upload, changes);
      if (!signal.aborted) this.onChange();
    };
    change({ state: "sending", sent: 0, problem: "" });
    try {
      const { id, name, size } = await this.#send(file, { onProgress: (sent) => change({ sent }), signal });
      Object.assign(upload, { state: "kept", sent: size, attachment: { id, name, size } });
      if (!signal.aborted) this.#save();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const isRefused = error.isFinal || error.body?.code === "uploads_used_up"; // for a day
      change({ state: isRefused ? "refused" : "waiting", problem: error.message });
    }
  }

  #save() {
    const kept = this.#uploads.flatMap(({ attachment }) => (attachment === null ? [] : [attachment]));
    if (kept.length === 0) this.#store.delete(uploadsName(this.#roomId));
    else this.#store.set(uploadsName(this.#roomId), JSON.stringify(kept));
    this.onChange();
  }
}

/**
 * @param {AbortSignal} signal ends it at once
 * @param {number} ms
 */
function sleepUntil(signal, ms) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}
