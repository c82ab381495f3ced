/** Waiting, not too often, and how fast: what the page does with time. */

/** A server that starts is not overrun: attempts come ever more slowly. */
const FIRST_MS = 500;
const LONGEST_MS = 8000;

/**
 * How long to wait before trying again.
 *
 * @param {number} attempt  From 0.
 * @param {() => number} [random]  0 to 1; spreads many pages that lost the same server.
 */
export function wait_ms(attempt, random = Math.random) {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt) * (0.8 + 0.4 * random());
}

/**
 * Calls at most so often; the last one always comes.
 *
 * @template {unknown[]} A
 * @param {number} perSecond
 * @param {(...values: A) => void} act
 * @returns {(...values: A) => void}
 */
export function atMost(perSecond, act) {
  const pause_ms = 1000 / perSecond;
  let last_ms = -Infinity;
  let timer = 0;
  /** @type {A | null} */
  let newest = null;
  const fire = () => {
    timer = 0;
    last_ms = performance.now();
    if (newest) act(...newest);
  };
  return (...values) => {
    newest = values;
    if (timer) return;
    const left_ms = last_ms + pause_ms - performance.now();
    if (left_ms <= 0) fire();
    else timer = window.setTimeout(fire, left_ms);
  };
}

const WINDOW_MS = 3000;

/** How many frames are analysed per second, and how long one takes from the camera to its answer. */
export class Rate {
  /** @type {{at_ms: number, latency_ms: number}[]} */
  #answers = [];

  /**
   * @param {number} at_ms  When the answer came.
   * @param {number} latency_ms  How long after the frame was taken.
   */
  add(at_ms, latency_ms) {
    this.#answers.push({ at_ms, latency_ms });
    this.#forget(at_ms);
  }

  /** Answers per second over the last three seconds; 0 when there were none. @param {number} now_ms */
  perSecond(now_ms) {
    this.#forget(now_ms);
    const answers = this.#answers;
    if (answers.length < 2) return 0;
    // From the first answer to now, so that a stall shows as a falling rate.
    return ((answers.length - 1) * 1000) / Math.max(1, now_ms - answers[0].at_ms);
  }

  /** Median over the same time, in milliseconds; null when there was none. */
  latency_ms() {
    const sorted = this.#answers.map((answer) => answer.latency_ms).sort((a, b) => a - b);
    return sorted.length ? sorted[Math.floor(sorted.length / 2)] : null;
  }

  clear() {
    this.#answers = [];
  }

  /** @param {number} now_ms */
  #forget(now_ms) {
    while (this.#answers.length && now_ms - this.#answers[0].at_ms > WINDOW_MS) this.#answers.shift();
  }
}
