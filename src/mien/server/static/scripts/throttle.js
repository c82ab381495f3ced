/** Calls at most so often; the last one always comes. */

/**
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
