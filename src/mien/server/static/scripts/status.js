/** The connection's state in the page's corner: a word, a colour and a shape. */
import { setText } from "./bars.js";
import { byId } from "./page.js";

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
