/** Files for a message: sent again until the server has them, kept over reloads, and handed over once. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { MOST_FILES, Uploads } from "../../static/onrecord/uploads.js";
import { UserStore } from "../../static/onrecord/user-store.js";
import { FakeStorage } from "./storage.mjs";

/** @import { Send } from "../../static/onrecord/uploads.js" */

let number = 0;

/**
 * @param {Send} send
 * @param {Storage} storage
 */
function open(send, storage = new FakeStorage()) {
  return new Uploads("a", { store: new UserStore(1, storage), send, newKey: () => `key ${(number += 1)}` });
}

const photo = new File(["12345"], "photo.png");

/** @param {File} file */
const attachmentOf = ({ name, size }) => ({ id: `id of ${name}`, name, size, type: "image/png", sha256: "" });

/**
 * When `holds` does, after some change.
 *
 * @param {Uploads} uploads
 * @param {() => boolean} holds
 */
async function until(uploads, holds) {
  while (!holds()) await new Promise((resolve) => (uploads.onChange = () => resolve(undefined)));
}

/** @param {Uploads} uploads */
const states = (uploads) => uploads.all.map(({ state }) => state);

test("a file that the server has is handed over once, also after a reload", async () => {
  const storage = new FakeStorage();
  const uploads = open(async (file) => attachmentOf(file), storage);
  uploads.add([photo]);
  assert.equal(uploads.isBusy, true);
  await until(uploads, () => !uploads.isBusy);
  const reloaded = open(() => assert.fail("it is sent already"), storage);
  assert.deepEqual(reloaded.take(), [{ id: "id of photo.png", name: "photo.png", size: 5 }]);
  assert.deepEqual(open(() => assert.fail("it is in a message"), storage).take(), []);
});

test("a lost connection is no end: the file is sent again, from its beginning", async () => {
  let tries = 0;
  /** @type {number[]} */
  const seen = [];
  const uploads = open(async (file, { onProgress }) => {
    tries += 1;
    onProgress(3);
    seen.push(uploads.all[0].sent);
    if (tries < 2) throw new ApiError(0, null);
    return attachmentOf(file);
  });
  uploads.add([photo]);
  await until(uploads, () => states(uploads)[0] === "waiting");
  await until(uploads, () => !uploads.isBusy);
  assert.deepEqual([tries, seen, states(uploads)], [2, [3, 3], ["kept"]]);
});

for (const [status, code] of /** @type {const} */ ([[413, "file_too_large"], [429, "uploads_used_up"], [400, ""]])) {
  test(`what is refused with ${status} ${code} is not sent again, says why, and goes with no message`, async () => {
    const uploads = open(async () => {
      throw new ApiError(status, { code, detail: "Too large." });
    });
    uploads.add([photo]);
    await until(uploads, () => !uploads.isBusy);
    assert.deepEqual([states(uploads), uploads.all[0].problem], [["refused"], "Too large."]);
    assert.deepEqual(uploads.take(), []);
  });
}

test("a file that is taken out is sent no further", async () => {
  /** @type {AbortSignal[]} */
  const signals = [];
  const uploads = open((_, { signal }) => new Promise(() => signals.push(signal)));
  uploads.add([photo]);
  uploads.remove(uploads.all[0].key);
  assert.deepEqual([signals[0]?.aborted, uploads.all, uploads.isBusy], [true, [], false]);
});

test("a message has so many files at most", () => {
  const uploads = open(() => new Promise(() => {}));
  uploads.add(Array.from({ length: MOST_FILES + 3 }, () => photo));
  assert.equal(uploads.all.length, MOST_FILES);
});
