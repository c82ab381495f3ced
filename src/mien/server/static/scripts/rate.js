/** How many frames are analysed per second, and how long one takes from the camera to its answer. */

const WINDOW_MS = 3000;

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
