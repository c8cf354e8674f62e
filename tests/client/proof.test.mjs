/** A browser checks proofs as `audit/verify.py` does: both are tried with those of tests/support/proof_vectors.py. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { afterEach, test } from "node:test";

import { ApiError } from "../../static/onrecord/api.js";
import { decoded, hex, utf8 } from "../../static/onrecord/proof/bytes.js";
import { checkMessage } from "../../static/onrecord/proof/message.js";
import { checkProof } from "../../static/onrecord/proof/proof.js";
import { leafOf } from "../../static/onrecord/proof/tree.js";

const cases = JSON.parse(readFileSync(new URL("proof_cases.json", import.meta.url), "utf-8"));
const { proofs } = cases;
const key = { ...cases.keys, until: null };
const keys = [key];
const ROOM = "00112233-4455-6677-8899-aabbccddeeff";
const AT = "2026-01-01T12:00:00.000000Z";
const NEXT_KEY = "chat.example/audit/1+31090b34+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const OTHER_KEY = "chat.example/audit/2+4ba57e94+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";

/** @param {string} text */
const base64 = (text) => Buffer.from(text).toString("base64");

/**
 * The proof with another opening.
 *
 * @param {string} file
 * @param {(opening: any) => void} change
 */
function reopened(file, change) {
  const extra = /^extra (.*)$/m.exec(file)?.[1] ?? "";
  const opening = JSON.parse(Buffer.from(extra, "base64").toString());
  change(opening);
  return file.replace(extra, base64(JSON.stringify(opening)));
}

test("the leaf of the format's own example is as everywhere else", async () => {
  const opening = { position: 28, stream: ROOM, version: 3, topic: "message_added" };
  const leaf = "85142a43ab9b83e5075388051cbe2d75e01288c7c9de32577a892ac3209a35a3";
  assert.equal(hex(await leafOf(opening, utf8("{}"))), leaf);
  const long = { ...opening, topic: "topic".repeat(13_001) };
  assert.equal(hex(await leafOf(long, utf8("{}"))), cases.leaf_of_long_topic);
});

for (const [name, words] of Object.entries({
  "words with a client id": "Nothing is lost.",
  "files alone, without one": "",
  "an edit": "Little \u202e is lost. \u{1f9ed}",
  "words that were erased": null,
  "words in the log itself": "Said in the first release.",
  "an event of another application": undefined,
  "a state that is a number": undefined,
})) {
  test(`a proof holds of ${name}`, async () => {
    const index = Object.keys(proofs).indexOf(name);
    const proven = await checkProof(proofs[name], keys);
    assert.equal(proven.words, words);
    assert.deepEqual([proven.index, proven.size, proven.origin], [index, 7, "chat.example/audit/1"]);
    assert.deepEqual([proven.isSigned, proven.time], [true, 1_800_000_000]);
  });
}

test("the seals are those of the format's own examples", async () => {
  const { fields } = await checkProof(proofs["words with a client id"], keys);
  const sealed = "6853b9fec80f65e93fa636166468f3bca90571234fd8ac4554b1894d56a30cde";
  assert.equal(hex(decoded(fields.sealed, "the seal")), sealed);
});

const good = proofs["words with a client id"];
const other = proofs["files alone, without one"];
const salt = Buffer.from(Array.from({ length: 32 }, (_, place) => place)).toString("base64");
/** @type {[string, string, RegExp][]} */
const refused = [
  ["another version", reopened(good, (opening) => (opening.version = 4)), /not in the tree/],
  ["another position", reopened(good, (opening) => (opening.position = 30)), /not in the tree/],
  ["another topic", reopened(good, (opening) => (opening.topic = "message_edited")), /not in the tree/],
  ["another state", reopened(good, (opening) => (opening.state = base64("{}"))), /not in the tree/],
  ["another room", reopened(good, (opening) => (opening.stream = ROOM.replace("ff", "fe"))), /not in the tree/],
  ["other words", reopened(good, (opening) => (opening.body.content = "All is lost.")), /not those that the log holds/],
  ["another salt", reopened(good, (opening) => (opening.body.salt = base64("x".repeat(32)))), /not those that the log/],
  ["a short salt", reopened(good, (opening) => (opening.body.salt = base64("x"))), /not those that the log holds/],
  ["no client id", reopened(good, (opening) => delete opening.body.client_id), /not those that the log holds/],
  ["no words", reopened(good, (opening) => (opening.body = { salt, content: "" })), /not those that the log holds/],
  [
    "words where the log has no commitment",
    reopened(proofs["words in the log itself"], (opening) => (opening.body = { salt, content: "Nothing is lost." })),
    /not those that the log holds/,
  ],
  ["a position that is none", reopened(good, (opening) => (opening.position = -1)), /position is not a number/],
  ["a position beyond numbers", reopened(good, (opening) => (opening.position = 2 ** 53)), /position is not a number/],
  ["a stream that is none", reopened(good, (opening) => (opening.stream = "x")), /not an id/],
  ["an opening without a topic", reopened(good, (opening) => delete opening.topic), /opening is not one/],
  ["the opening of another", good.replace(/^extra .*$/m, /^extra .*$/m.exec(other)?.[0] ?? ""), /not in the tree/],
  ["two openings", good.replace(/^extra .*$/m, "$&\n$&"), /one opening/],
  ["no opening", good.replace(/^extra .*\n/m, ""), /one opening/],
  ["no index", good.replace(/^index .*\n/m, ""), /no index/],
  ["another index", good.replace(/^index 0$/m, "index 1"), /not in the tree/],
  ["an index with another path", good.replace(/^index 0$/m, "index 6"), /does not have the length/],
  ["an index outside", good.replace(/^index 0$/m, "index 7"), /outside a tree of 7/],
  ["an index that is none", good.replace(/^index 0$/m, "index 00"), /index is not a number/],
  ["a tree without leaves", good.replace(/^7$/m, "0"), /outside a tree of 0/],
  ["a smaller tree", good.replace(/^7$/m, "4"), /does not have the length/],
  ["a larger tree", good.replace(/^7$/m, "8"), /does not fit/],
  ["another log", good.replaceAll("chat.example/audit/1", "chat.example/audit/2"), /and the key of chat.example/],
  ["no signature", good.slice(0, good.lastIndexOf("\n\n") + 2), /no signature/],
  ["no signature of the log", good.replace(/^\u2014 \S+1 .*\n/m, ""), /not signed with the key/],
  ["a signature that does not fit", good.replace(/^(\u2014 \S+1 \S{20})./m, "$1#"), /signature is not base64/],
  ["what is not a proof", "hello\n", /not a proof file/],
];
for (const [name, file, why] of refused) {
  test(`refused: ${name}`, async () => {
    assert.notEqual(file, good);
    await assert.rejects(checkProof(file, keys), { message: why });
  });
}

test("a key that is none, and that of another log, are refused", async () => {
  await assert.rejects(checkProof(good, [{ ...key, log: "x" }]), { message: /not base64|not a key/ });
  await assert.rejects(checkProof(good, [{ ...key, log: key.log.replace("37b4e26e", "37b4e26f") }]), /not a key/);
  await assert.rejects(checkProof(good, [{ ...key, log: OTHER_KEY }]), /not a key|and the key of/);
});

test("a key that was replaced signs no larger tree", async () => {
  const fresh = { log: NEXT_KEY, time: "", until: null };
  for (const until of [7, 8]) {
    assert.equal((await checkProof(good, [{ ...key, until }, fresh])).isSigned, true);
  }
  await assert.rejects(checkProof(good, [{ ...key, until: 6 }, fresh]), { message: /was replaced before/ });
  await assert.rejects(checkProof(good, [fresh]), { message: /not signed with the key of this page/ });
});

test("whichever character of a proof is altered, it shows nothing else than before", async () => {
  const file = proofs["an edit"];
  const whole = await checkProof(file, keys);
  for (let place = 0; place < file.length; place += 1) {
    const altered = file.slice(0, place) + (file[place] === "A" ? "B" : "A") + file.slice(place + 1);
    const proven = await checkProof(altered, keys).catch(() => null);
    if (proven === null) continue;
    const { words = whole.words, time = whole.time } = withoutNulls(proven); // they may be left out
    assert.deepEqual({ ...proven, words, time }, whole, `at ${place}`);
  }
});

/** @param {object} value @returns {Record<string, any>} */
const withoutNulls = (value) => Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null));

const shown = { room: ROOM, message: 3, version: 3, author: 3 };
const words = { version: 3, at: AT, content: "Nothing is lost." };

/**
 * An API that answers this.
 *
 * @param {string} file
 * @param {any[]} versions
 */
const answering = (file, versions) => ({ text: async () => file, get: async () => ({ versions }) });

test("a message on a page is compared with its proof", async () => {
  const found = await checkMessage(shown, keys, answering(good, [words]));
  assert.deepEqual([found.verdict, found.summary], ["holds", "All of it holds."]);
  assert.match(found.lines[0], /to which the log holds a commitment/);
  assert.match(found.lines[1], /by user 3, in room 00112233-.*, at version 3, on Thursday, 1 January 2026/);
  assert.match(found.lines[2], /event 1 of 7 in the tree of chat.example\/audit\/1/);
  assert.match(found.lines[3], /signed with the key that is in this page, on /);
  const edited = { ...shown, version: 5 };
  const edit = { version: 5, at: AT, content: "Little \u202e is lost. \u{1f9ed}" };
  const ofEdit = await checkMessage(edited, keys, answering(proofs["an edit"], [words, edit]));
  assert.equal(ofEdit.verdict, "holds");
});

test("of erased words the commitment is proven", async () => {
  const gone = { version: 6, at: AT, content: "", erased: { at: AT, why: "" } };
  const about = { ...shown, message: 6, version: 6 };
  const file = proofs["words that were erased"];
  const found = await checkMessage(about, keys, answering(file, [gone]));
  assert.equal(found.verdict, "holds");
  assert.match(found.lines[0], /were erased/);
  const kept = await checkMessage(about, keys, answering(file, [{ ...gone, erased: undefined, content: "Said." }]));
  assert.equal(kept.verdict, "refused");
  const still = await checkMessage(shown, keys, answering(good, [{ ...gone, version: 3 }]));
  assert.equal(still.verdict, "refused", "words are in the proof that the service calls erased");
});

/** @type {[string, object, object, RegExp][]} */
const differing = [
  ["other words", {}, { content: "All is lost." }, /words of the log are not those/],
  ["another time", {}, { at: "2026-01-01T12:00:01.000000Z" }, /another time/],
  ["another author", { author: 4 }, {}, /another author, user 3/],
  ["another room", { room: ROOM.replace("00", "01") }, {}, /of another event/],
  ["another message", { message: 4 }, {}, /of another event/],
  ["another version", { version: 4 }, { version: 4 }, /of another event/],
];
for (const [name, about, said, why] of differing) {
  test(`a page that shows ${name} than the proof is refused`, async () => {
    const found = await checkMessage({ ...shown, ...about }, keys, answering(good, [{ ...words, ...said }]));
    assert.equal(found.verdict, "refused");
    assert.match(found.summary, why);
  });
}

test("what is not in a checkpoint yet, and words that are no longer shown, are not checked", async () => {
  const refusal = new ApiError(409, { detail: "the event is not in a checkpoint yet", code: "not_provable" });
  const early = await checkMessage(shown, keys, { ...answering("", []), text: () => Promise.reject(refusal) });
  assert.deepEqual([early.verdict, early.summary], ["unchecked", "Not checked: the event is not in a checkpoint yet."]);
  assert.equal((await checkMessage(shown, keys, answering(good, []))).verdict, "unchecked");
});

const { importKey } = crypto.subtle;
afterEach(() => {
  crypto.subtle.importKey = importKey;
});

test("a browser without Ed25519 says that it checked all but the signature", async () => {
  crypto.subtle.importKey = () => Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"));
  const found = await checkMessage(shown, keys, answering(good, [words]));
  assert.equal(found.verdict, "unsigned");
  assert.match(found.summary, /cannot check signatures of this kind \(Ed25519\)/);
  assert.equal(found.lines.length, 3);
  const wrong = reopened(good, (opening) => (opening.version = 4));
  assert.equal((await checkMessage(shown, keys, answering(wrong, [words]))).verdict, "refused");
});
