/**
 * How often to read the feed while nothing is published, to check for that otherwise, and to return to a
 * real-time server that refused. Without success, each doubles up to `mostMs`. After publications came in time again,
 * clients ask within `spreadMs`, not all at once.
 */
export const PACE = { pollMs: 5000, checkMs: 20_000, returnMs: 5000, mostMs: 60_000, spreadMs: 2000 };

/** @param {number} ms */
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
