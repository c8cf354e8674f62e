/**
 * Checks a proof file: that the event in it is in the tree of its checkpoint, and who signed that, as `audit/verify.py`
 * does without a browser. Source: C2SP tlog-proof, tlog-checkpoint; the commitment to words: docs/words.md.
 */

import { ProofRefused, bigEndian, decoded, encoded, isEqual, joined, sha256, textOf, utf8 } from "./bytes.js";
import { NoEd25519, parseKey, parseNote, signedAt } from "./notes.js";
import { leafOf, rootOf } from "./tree.js";

/**
 * @import { Bytes } from "./bytes.js"
 * @import { Note } from "./notes.js"
 */

const VERSION = "c2sp.org/tlog-proof@v1";
const SALT_BYTES = 32;
const SEALED = utf8("onrecord/body/v1\0");

/**
 * Verifier keys as they are written; `time` may be empty. `until`: the size of the largest tree that they sign, null
 * for those that sign now.
 *
 * @typedef {{ log: string, time: string, until: number | null }} PinnedKeys
 */

/**
 * What a proof shows. `fields`: what the event holds, empty where it is not one of ours. `words`: null where the log
 * holds a commitment to them and the file does not disclose them, undefined where the event has none. `isSigned`: null
 * where this browser cannot tell. `time`: when it was signed, in seconds since 1970, null where no key of ours says so.
 *
 * @typedef {object} Proven
 * @property {string} topic
 * @property {string} stream
 * @property {number} version
 * @property {Record<string, any>} fields
 * @property {string | null | undefined} words
 * @property {number} index
 * @property {number} size
 * @property {string} origin
 * @property {true | null} isSigned
 * @property {number | null} time
 */

/**
 * Check a proof file with the keys of its log, those that sign now and those before them. Throws ProofRefused.
 *
 * @param {string} file
 * @param {PinnedKeys[]} keys
 * @returns {Promise<Proven>}
 */
export async function checkProof(file, keys) {
  const { opening, index, path, checkpoint } = parseProof(file);
  const [origin, size, root] = checkpoint.text.split("\n");
  const leaves = natural(size, "the size of the tree");
  if (index >= leaves) throw new ProofRefused(`index ${index} is outside a tree of ${leaves}`);
  const state = decoded(opening.state, "the state");
  if (!isEqual(await rootOf(await leafOf(opening, state), index, leaves, path), decoded(root, "the root"))) {
    throw new ProofRefused("the event is not in the tree of this checkpoint, at this index");
  }
  const fields = fieldsOf(state);
  const words = await wordsOf(opening.body, fields);
  const { topic, stream, version } = opening;
  const by = await signed(checkpoint, origin, leaves, keys);
  return { topic, stream, version, fields, words, index, size: leaves, origin, ...by };
}

/**
 * @param {Note} checkpoint
 * @param {string} origin
 * @param {number} size
 * @param {PinnedKeys[]} keys
 * @returns {Promise<{ isSigned: true | null, time: number | null }>}
 */
async function signed(checkpoint, origin, size, keys) {
  try {
    for (const { log, time, until } of keys) {
      const key = await parseKey(log);
      if (key.name !== origin) {
        throw new ProofRefused(`the checkpoint is of the log ${origin}, and the key of ${key.name}`);
      }
      if ((await signedAt(checkpoint, key)) === null) continue;
      if (until !== null && size > until) throw new ProofRefused("the key was replaced before this tree was signed");
      return { isSigned: true, time: time === "" ? null : await signedAt(checkpoint, await parseKey(time)) };
    }
  } catch (error) {
    if (error instanceof NoEd25519) return { isSigned: null, time: null };
    throw error;
  }
  throw new ProofRefused("the checkpoint is not signed with the key of this page; load the page again, it may be new");
}

/** @param {string} file */
function parseProof(file) {
  const end = file.indexOf("\n\n");
  const [version, ...lines] = file.slice(0, end).split("\n");
  if (version !== VERSION || end < 0) throw new ProofRefused("this is not a proof file");
  const extras = lines.filter((line) => line.startsWith("extra "));
  if (extras.length !== 1 || lines[0] !== extras[0]) throw new ProofRefused("the file does not have one opening");
  if (!lines[1]?.startsWith("index ")) throw new ProofRefused("the file has no index");
  return {
    opening: openingIn(decoded(extras[0].slice("extra ".length), "the opening")),
    index: natural(lines[1].slice("index ".length), "the index"),
    path: lines.slice(2).map((line) => decoded(line, "a hash of the path")),
    checkpoint: parseNote(file.slice(end + 2)),
  };
}

/** @param {Bytes} raw @returns {Record<string, any>} */
function openingIn(raw) {
  try {
    const opening = JSON.parse(textOf(raw));
    if (typeof opening.topic === "string") return opening;
  } catch {
    // said below
  }
  throw new ProofRefused("the opening is not one of an event");
}

/**
 * @param {string | undefined} text
 * @param {string} what it is, for the refusal
 */
function natural(text, what) {
  const number = Number(text);
  const isNatural = /^(?:0|[1-9]\d*)$/.test(text ?? "") && Number.isSafeInteger(number);
  if (!isNatural) throw new ProofRefused(`${what} is not a number`);
  return number;
}

/** @param {Bytes} state @returns {Record<string, any>} */
function fieldsOf(state) {
  try {
    return Object(JSON.parse(textOf(state)));
  } catch {
    return {}; // of another application
  }
}

/**
 * The words, checked against the commitment in the log.
 *
 * @param {Record<string, any> | null | undefined} body
 * @param {Record<string, any>} fields
 * @returns {Promise<string | null | undefined>}
 */
async function wordsOf(body, { sealed, content }) {
  if (body === null || body === undefined) return typeof sealed === "string" ? null : content;
  const salt = decoded(body.salt, "the salt");
  const words = utf8(String(body.content));
  const clientId = body.client_id ?? null;
  const end = clientId === null ? Uint8Array.of(0) : joined(Uint8Array.of(1), utf8(String(clientId)));
  const committed = await sha256(SEALED, salt, bigEndian(words.length, 8, "a length"), words, end);
  if (salt.length !== SALT_BYTES || encoded(committed) !== sealed) {
    throw new ProofRefused("the words are not those that the log holds a commitment to");
  }
  return body.content;
}
