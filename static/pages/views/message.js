import { offerChecks } from "../proof-check.js";
import { localise } from "../times.js";

/** @import { Shown } from "../page-switch.js" */

/**
 * The page of a message.
 *
 * @param {Shown} shown
 */
export function showMessage(shown) {
  localise(shown.main);
  offerChecks(shown);
}
