import { EventEmitter } from "node:events";

/** centrifuge-js as far as the library uses it, with a wire that loses, repeats and swaps what is published. */
export function connectionTo(service) {
  let subscription;
  let delivered = 0;
  class Centrifuge extends EventEmitter {
    newSubscription() {
      subscription = Object.assign(new EventEmitter(), { subscribe() {} });
      return subscription;
    }
    connect() {}
    disconnect() {}
  }
  const offset = () => service.published.length;
  return {
    Centrifuge,
    /** A subscription begins (again) with a new token, and what was published before it is not delivered. */
    subscribed() {
      service.isPaused = false;
      delivered = offset();
      subscription.emit("subscribed", { streamPosition: { offset: delivered, epoch: "e" } });
    },
    /** Deliver what was published since, after `disturb` had its way with it. */
    deliver(disturb = (publications) => publications) {
      const pending = service.published.slice(delivered);
      delivered = offset();
      for (const publication of disturb(pending)) subscription.emit("publication", structuredClone(publication));
    },
  };
}
