/** What a person may set on the page: how answers are shown, never how they come about. */
import { byId, setText } from "./page.js";

/** @typedef {import("./answer.js").FaceAnswer} FaceAnswer */

export class Settings {
  #labels = /** @type {HTMLInputElement} */ (byId("labels"));
  #smallest = /** @type {HTMLInputElement} */ (byId("smallest"));
  #threshold = /** @type {HTMLInputElement} */ (byId("threshold"));

  /** @param {() => void} onChange */
  constructor(onChange) {
    for (const input of [this.#labels, this.#smallest, this.#threshold]) {
      input.addEventListener("input", () => {
        this.#write();
        onChange();
      });
    }
  }

  /** Begin with what the model's card says. @param {number} uncertain_below */
  begin(uncertain_below) {
    this.#threshold.value = String(Math.round(100 * uncertain_below));
    this.#write();
  }

  /** Whether names stand beside faces. */
  get labels() {
    return this.#labels.checked;
  }

  get uncertain_below() {
    return Number(this.#threshold.value) / 100;
  }

  get smallest_px() {
    return Number(this.#smallest.value);
  }

  /**
   * Without what is too small, and with the threshold that was set.
   *
   * @param {FaceAnswer[]} faces
   */
  apply(faces) {
    return faces
      .filter(({ box }) => Math.max(box.width, box.height) >= this.smallest_px)
      .map((face) => ({ ...face, uncertain: face.confidence < this.uncertain_below }));
  }

  #write() {
    setText(byId("smallest-value"), this.smallest_px ? `${this.smallest_px} px` : "any");
    setText(byId("threshold-value"), `${this.#threshold.value} %`);
  }
}
