/**
 * The session's table: one row per face and answer, for as long as the page is open. Writing it is `table-files.js`.
 *
 * @typedef {object} Row
 * @property {string} source  `camera`, or the name of the photo or video.
 * @property {number} at_ms  When it was answered, since 1970.
 * @property {number | null} media_seconds  Place in a video file.
 * @property {import("./answer.js").FaceAnswer} face
 */

/** An hour of three faces at 15 answers a second; beyond it the oldest rows go, so that memory stays bounded. */
const MOST_ROWS = 162_000;

export class Record {
  /** @type {Row[]} */
  #rows = [];
  #lost = 0;
  #most;

  constructor(most = MOST_ROWS) {
    this.#most = most;
  }

  /**
   * @param {import("./answer.js").FaceAnswer[]} faces
   * @param {{source: string, at_ms: number, media_seconds?: number | null}} when
   */
  add(faces, { source, at_ms, media_seconds = null }) {
    for (const face of faces) this.#rows.push({ source, at_ms, media_seconds, face });
    // By a tenth at a time: taking from the front of a long array is slow.
    if (this.#rows.length > this.#most * 1.1) {
      const excess = this.#rows.length - this.#most;
      this.#rows.splice(0, excess);
      this.#lost += excess;
    }
  }

  get rows() {
    return this.#rows;
  }

  /** How many of the oldest rows are gone. */
  get lost() {
    return this.#lost;
  }

  clear() {
    this.#rows = [];
    this.#lost = 0;
  }
}
