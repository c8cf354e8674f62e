/** Checks what a page shows of a message against its proof, and says in sentences what was found. */

import { ApiError } from "../api.js";
import { exactly } from "../format.js";
import { ProofRefused } from "./bytes.js";
import { checkProof } from "./proof.js";

/**
 * @import { Api } from "../api.js"
 * @import { PinnedKeys, Proven } from "./proof.js"
 */

/**
 * What the page says: the room, the message, the version of the room at which it got these words, and its author.
 *
 * @typedef {{ room: string, message: number, version: number, author: number }} Shown
 */

/** @typedef {{ content: string, at: string, erased?: object }} ShownWords What the API says of a version. */

/**
 * `holds`: all of it. `unsigned`: all but the signature, which this browser cannot check. `refused`: not so.
 * `unchecked`: there was nothing to check, or no way to.
 *
 * @typedef {{ verdict: "holds" | "unsigned" | "refused" | "unchecked", summary: string, lines: string[] }} Finding
 */

const UNSIGNED =
  "All but the signature holds. This browser cannot check signatures of this kind (Ed25519): use the script for it.";

/**
 * Fetch the proof and the words, and compare.
 *
 * @param {Shown} shown
 * @param {PinnedKeys[]} keys
 * @param {Pick<Api, "get" | "text">} api
 * @returns {Promise<Finding>}
 */
export async function checkMessage(shown, keys, api) {
  if (globalThis.crypto?.subtle === undefined) {
    return unchecked("this page did not come over https, so this browser computes no hashes for it");
  }
  const about = `/api/rooms/${shown.room}/messages/${shown.message}/`;
  try {
    const [file, { versions }] = await Promise.all([
      api.text(`${about}proof/?of=${shown.version}`),
      api.get(`${about}versions/`),
    ]);
    const words = versions.find((/** @type {{ version: number }} */ each) => each.version === shown.version);
    if (words === undefined) return unchecked("the service no longer shows these words");
    return found(compared(await checkProof(file, keys), shown, words));
  } catch (error) {
    if (error instanceof ProofRefused) return { verdict: "refused", summary: `Refused: ${error.message}.`, lines: [] };
    if (error instanceof ApiError) return unchecked(error.message.replace(/\.$/, ""));
    throw error;
  }
}

/** @param {string} why @returns {Finding} */
const unchecked = (why) => ({ verdict: "unchecked", summary: `Not checked: ${why}.`, lines: [] });

/** @param {{ proven: Proven, words: string }} checked @returns {Finding} */
function found({ proven, words }) {
  const { fields, stream, version, index, size, origin, isSigned, time } = proven;
  const at = new Date(fields.timestamp._data_).toISOString();
  const lines = [
    words,
    `It was recorded by user ${fields.user_id}, in room ${stream}, at version ${version}, on ${exactly(at)}.`,
    `It is event ${index + 1} of ${size} in the tree of ${origin}: the path from it leads to the signed root.`,
  ];
  if (isSigned === null) {
    return { verdict: "unsigned", summary: UNSIGNED, lines };
  }
  const when = time === null ? "" : `, on ${exactly(new Date(time * 1000).toISOString())}`;
  lines.push(`The root is signed with the key that is in this page${when}.`);
  return { verdict: "holds", summary: "All of it holds.", lines };
}

/**
 * Throws ProofRefused where the proof is of something else than what the page shows.
 *
 * @param {Proven} proven
 * @param {Shown} shown
 * @param {ShownWords} words
 */
function compared(proven, { room, message, version, author }, { content, at, erased }) {
  const { topic, fields } = proven;
  const isEdit = topic === "message_edited" && fields.message === message;
  const isOfIt = proven.stream === room && proven.version === version;
  if (!isOfIt || !(isEdit || (topic === "message_added" && version === message))) {
    throw new ProofRefused("the proof is of another event");
  }
  if (fields.user_id !== author) throw new ProofRefused(`the log has another author, user ${fields.user_id}`);
  if (Date.parse(fields.timestamp?._data_) !== Date.parse(at)) {
    throw new ProofRefused("the log has another time than this page");
  }
  return { proven, words: comparedWords(proven, content, erased !== undefined) };
}

/**
 * @param {Proven} proven
 * @param {string} content
 * @param {boolean} isErased
 */
function comparedWords({ words, fields }, content, isErased) {
  if (isErased && words === null) {
    return "The words were erased. That there were words, and the commitment to them, is proven; which words, no more.";
  }
  if (words !== content) throw new ProofRefused("the words of the log are not those that the service shows");
  return typeof fields.sealed === "string"
    ? "The words are those to which the log holds a commitment."
    : "The words are those that the log itself holds.";
}
