/**
 * How often to read the feed while nothing is published, to check for that otherwise, and to return to a
 * real-time server that refused. Without success, each doubles up to `mostMs`.
 */
export const PACE = { pollMs: 5000, checkMs: 20_000, returnMs: 5000, mostMs: 60_000 };

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
