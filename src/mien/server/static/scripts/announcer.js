/** Tells people who listen what changed: a short sentence, only when it stayed so for a while, and not too often. */
import { inWords } from "./answer.js";

/** @typedef {import("./answer.js").FaceAnswer} FaceAnswer */

const STEADY_MS = 1500;
const LEAST_PAUSE_MS = 6000;
const MOST_NAMED = 4;

export class Announcer {
  #place = /** @type {HTMLElement} */ (document.getElementById("announcer"));
  #said = "";
  #said_ms = -Infinity;
  #pending = "";
  #pending_ms = 0;

  /** @param {string} text */
  say(text) {
    this.#place.textContent = text;
  }

  /** A photo's faces, at once. @param {FaceAnswer[]} faces */
  photo(faces) {
    const named = faces.slice(0, MOST_NAMED).map((face) => `face ${face.number}: ${inWords(face)}`);
    const more = faces.length > MOST_NAMED ? `, and ${faces.length - MOST_NAMED} more` : "";
    this.say(faces.length ? `${count(faces.length)}. ${named.join("; ")}${more}.` : "No face found.");
  }

  /**
   * What live frames show, when it has settled.
   *
   * @param {FaceAnswer[]} faces
   * @param {number} now_ms
   */
  live(faces, now_ms) {
    const summary = sentence(faces);
    if (summary !== this.#pending) {
      this.#pending = summary;
      this.#pending_ms = now_ms;
    }
    const settled = now_ms - this.#pending_ms >= STEADY_MS;
    if (summary === this.#said || !settled || now_ms - this.#said_ms < LEAST_PAUSE_MS) return;
    this.#said = summary;
    this.#said_ms = now_ms;
    this.say(summary);
  }

  /** Forget what was said, as with a new source. */
  reset() {
    this.#said = "";
    this.#said_ms = -Infinity;
    this.#pending = "";
  }
}

/** Without percentages, which change all the time. @param {FaceAnswer[]} faces */
function sentence(faces) {
  if (!faces.length) return "No face in view.";
  const names = faces.slice(0, MOST_NAMED).map((face) => `${face.uncertain ? "perhaps " : ""}${face.emotion}`);
  const more = faces.length > MOST_NAMED ? ` and ${faces.length - MOST_NAMED} more` : "";
  return `${count(faces.length)}: ${names.join(", ")}${more}.`;
}

/** @param {number} number */
function count(number) {
  return number === 1 ? "1 face" : `${number} faces`;
}
