/** The tree over the log. Source: RFC 6962, section 2.1; the entry of an event: docs/audit.md. */

import { ProofRefused, bigEndian, joined, sha256, utf8, uuid } from "./bytes.js";

/** @import { Bytes } from "./bytes.js" */

const LONGEST_TOPIC = 65_000;
const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
const ENTRY = Uint8Array.of(1);

/**
 * The leaf of an event: the hash of its entry. Throws ProofRefused.
 *
 * @param {Record<string, any>} opening
 * @param {Bytes} state
 */
export async function leafOf({ position, stream, version, topic }, state) {
  const named = utf8(topic);
  const shown = named.length > LONGEST_TOPIC ? await sha256(named) : named;
  const place = joined(bigEndian(position, 8, "the position"), uuid(stream), bigEndian(version, 8, "the version"));
  const length = bigEndian(shown.length, 2, "a length");
  return await sha256(LEAF, ENTRY, place, length, shown, await sha256(state));
}

/**
 * Follow the path from a leaf to the root. Throws ProofRefused.
 *
 * @param {Bytes} leaf
 * @param {number} index
 * @param {number} size
 * @param {Bytes[]} path
 */
export async function rootOf(leaf, index, size, path) {
  const steps = [...stepsTo(index, size)];
  if (path.length !== steps.length) {
    throw new ProofRefused("the path does not have the length that index and size ask for");
  }
  let node = leaf;
  for (const [level, isRight] of steps.entries()) {
    node = isRight ? await sha256(NODE, path[level], node) : await sha256(NODE, node, path[level]);
  }
  return node;
}

/**
 * For each step to the root, whether the node is the right one of its pair. The last of an odd number goes up as it is.
 *
 * @param {number} index
 * @param {number} size
 */
function* stepsTo(index, size) {
  let [node, last] = [index, size - 1];
  while (last > 0) {
    if (node % 2 === 1) yield true;
    else if (node < last) yield false;
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
}
