import { localise } from "../times.js";

/** @import { Shown } from "../page-switch.js" */

/**
 * A page on which nothing but the rooms changes.
 *
 * @param {Shown} shown
 */
export function showTimes({ main }) {
  localise(main);
}
