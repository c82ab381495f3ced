/** How long to wait before trying again: longer each time, so that a server that starts is not overrun. */

const FIRST_MS = 500;
const LONGEST_MS = 8000;

/**
 * @param {number} attempt  From 0.
 * @param {() => number} [random]  0 to 1; spreads many pages that lost the same server.
 */
export function wait_ms(attempt, random = Math.random) {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (0.8 + 0.4 * random());
}
