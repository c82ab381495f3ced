/** Elements of the page: found, written, the connection's state among them, and files handed to the browser. */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`Expected an element with id ${id}.`);
  return /** @type {T} */ (element);
}

/**
 * Write only what changed: each writing costs layout.
 *
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @typedef {"connecting" | "ready" | "open" | "idle" | "lost" | "refused"} State */

/** @type {Record<State, string>} */
const WORDS = {
  connecting: "Connecting …",
  ready: "Server ready",
  open: "Connected",
  idle: "Server ready",
  lost: "No connection, trying again",
  refused: "Refused by the server",
};

/**
 * @param {State} state
 * @param {string} [words]
 */
export function showState(state, words = WORDS[state]) {
  byId("state").dataset.state = state;
  setText(byId("state-text"), words);
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the address after this call; a minute is plenty.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * `mien-2026-11-21-14-05-09.csv`, in local time.
 *
 * @param {string} extension
 */
export function fileName(extension) {
  const now = new Date();
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())];
  const time = [two(now.getHours()), two(now.getMinutes()), two(now.getSeconds())];
  return `mien-${[...day, ...time].join("-")}.${extension}`;
}
