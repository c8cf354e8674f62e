/** Signed notes, as checkpoints are, and the keys that sign them. Source: C2SP signed-note, tlog-cosignature. */

import { ProofRefused, decoded, hex, isEqual, joined, numberIn, sha256, utf8 } from "./bytes.js";

/** @import { Bytes } from "./bytes.js" */

const ED25519 = 1;
const COSIGNATURE = 4;
const MARK = "\u2014";

/** This browser cannot check signatures of the kind that we use. */
export class NoEd25519 extends Error {}

/**
 * A public key. `id` tells it from another of the same name.
 *
 * @typedef {{ name: string, type: number, id: Bytes, publicKey: Bytes }} VerifierKey
 */

/** @typedef {{ name: string, keyId: Bytes, raw: Bytes }} Signature A line below a note. */

/** @typedef {{ text: string, signatures: Signature[] }} Note A text, which ends with a newline, and its signatures. */

/**
 * A key as it is written: `<name>+<8 hex>+<base64 of type and key>`. Throws ProofRefused.
 *
 * @param {string} text
 * @returns {Promise<VerifierKey>}
 */
export async function parseKey(text) {
  const [, name, id, key] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/.exec(text) ?? [];
  const raw = decoded(key, "the key of this page");
  const [type] = raw;
  const found = (await sha256(utf8(`${name}\n`), raw)).slice(0, 4);
  if (raw.length !== 33 || ![ED25519, COSIGNATURE].includes(type) || hex(found) !== id) {
    throw new ProofRefused("the key of this page is not a key");
  }
  return { name, type, id: found, publicKey: raw.slice(1) };
}

/**
 * A note as it is written. Throws ProofRefused.
 *
 * @param {string} text
 * @returns {Note}
 */
export function parseNote(text) {
  const end = text.lastIndexOf("\n\n");
  const lines = text.slice(end + 2);
  if (end < 0 || !lines.endsWith("\n")) throw new ProofRefused("the checkpoint has no signature");
  return { text: text.slice(0, end + 1), signatures: lines.slice(0, -1).split("\n").map(parseSignature) };
}

/** @param {string} line @returns {Signature} */
function parseSignature(line) {
  const [mark, name, encoded, ...more] = line.split(" ");
  if (mark !== MARK || more.length > 0) throw new ProofRefused("a line below the checkpoint is not a signature");
  const raw = decoded(encoded, "a signature");
  return { name, keyId: raw.slice(0, 4), raw: raw.slice(4) };
}

/**
 * When the key signed, in seconds since 1970, or 0 where its kind does not say; null where it did not.
 * Throws ProofRefused for a signature that does not fit, and NoEd25519.
 *
 * @param {Note} note
 * @param {VerifierKey} key
 */
export async function signedAt({ text, signatures }, key) {
  const own = signatures.filter(({ name, keyId }) => name === key.name && isEqual(keyId, key.id));
  let time = null;
  for (const { raw } of own) {
    const isTimed = key.type === COSIGNATURE;
    const at = isTimed ? numberIn(raw.slice(0, 8)) : 0;
    const message = isTimed ? joined(utf8(`cosignature/v1\ntime ${at}\n`), utf8(text)) : utf8(text);
    if (!(await fits(key, isTimed ? raw.slice(8) : raw, message))) {
      throw new ProofRefused(`the signature of ${key.name} does not fit`);
    }
    time ??= at;
  }
  return time;
}

/**
 * @param {VerifierKey} key
 * @param {Bytes} signature
 * @param {Bytes} message
 */
async function fits(key, signature, message) {
  const { subtle } = crypto;
  try {
    const imported = await subtle.importKey("raw", key.publicKey, { name: "Ed25519" }, false, ["verify"]);
    return await subtle.verify({ name: "Ed25519" }, imported, signature, message);
  } catch (error) {
    if (error instanceof DOMException && error.name === "NotSupportedError") throw new NoEd25519();
    throw error;
  }
}
