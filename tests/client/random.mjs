/**
 * Numbers that look random and are the same for the same seed (mulberry32).
 *
 * @param {number} seed
 */
export function randomFrom(seed) {
  let state = seed >>> 0;
  const number = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
  /** @param {number} limit */
  const below = (limit) => Math.floor(number() * limit);
  /** @type {<T>(list: T[]) => T} */
  const one = (list) => list[below(list.length)];
  return { number, below, one };
}

/** @typedef {ReturnType<typeof randomFrom>} Random */
