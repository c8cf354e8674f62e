import { EventEmitter } from "node:events";

/**
 * @import { Publication } from "../../static/onrecord/shapes.js"
 * @import { Service } from "./service.mjs"
 */

/** @typedef {{ offset: number, data: Publication }} Delivery */

/**
 * centrifuge-js as far as the library uses it, over a connection that drops, doubles and swaps publications.
 *
 * @param {Service} service
 */
export function connectionTo(service) {
  const subscription = Object.assign(new EventEmitter(), { subscribe() {} });
  let delivered = 0;
  class Connection extends EventEmitter {
    static UnauthorizedError = class extends Error {};
    /** @param {string} channel */
    newSubscription(channel) {
      return channel.startsWith("personal:") ? subscription : Object.assign(new EventEmitter(), { subscribe() {} });
    }
    connect() {}
    disconnect() {}
  }
  const offset = () => service.published.length;
  return {
    Centrifuge: /** @type {typeof import("centrifuge").Centrifuge} */ (/** @type {unknown} */ (Connection)),
    /** A subscription begins, or begins again with a new token; what was published before it is not delivered. */
    subscribed() {
      service.isPaused = false;
      delivered = offset();
      subscription.emit("subscribed", { streamPosition: { offset: delivered, epoch: "e" } });
    },
    /** Deliver what was published since, disturbed. */
    deliver(/** @type {(publications: Delivery[]) => Delivery[]} */ disturb = (publications) => publications) {
      const pending = service.published.slice(delivered);
      delivered = offset();
      for (const publication of disturb(pending)) subscription.emit("publication", structuredClone(publication));
    },
  };
}
