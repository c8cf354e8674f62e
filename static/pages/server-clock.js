/** The server's time, as the newest page told it: a browser's clock may be wrong by hours. */
export class ServerClock {
  #aheadMs = 0;

  /** @param {string | undefined} now as a page says it, which was just made */
  tell(now) {
    if (now !== undefined) this.#aheadMs = Date.parse(now) - Date.now();
  }

  /** Milliseconds since 1970. */
  get now() {
    return Date.now() + this.#aheadMs;
  }
}
