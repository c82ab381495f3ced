/** The cards: one per face, kept while the face stays; with many faces they fold into rows. */
import { percent } from "./answer.js";
import { Bars, setText } from "./bars.js";
import { byId } from "./page.js";
import { pageColour } from "./palette.js";

/** @typedef {import("./answer.js").FaceAnswer} FaceAnswer */

/** More faces than this, and cards fold. */
const MOST_OPEN = 3;

export class FacesPanel {
  #list = /** @type {HTMLElement} */ (document.getElementById("cards"));
  #note = /** @type {HTMLElement} */ (document.getElementById("faces-note"));
  /** What may stand in place of cards, one at a time. @type {Record<string, HTMLElement>} */
  #others = Object.fromEntries(
    ["example", "skeleton", "no-answer", "no-face"].map((id) => [id, /** @type {HTMLElement} */ (document.getElementById(id))]),
  );
  #emotions;
  #onMark;
  /** @type {Map<number, Card>} */
  #cards = new Map();
  #many = false;

  /**
   * @param {string[]} emotions
   * @param {(number: number | null) => void} onMark  Called when a card is pointed at or left.
   */
  constructor(emotions, onMark) {
    this.#emotions = emotions;
    this.#onMark = onMark;
  }

  /**
   * Show the faces of an answer.
   *
   * @param {FaceAnswer[]} faces
   * @param {{leftOut?: number}} [options]  How many more the server found and left out.
   */
  show(faces, { leftOut = 0 } = {}) {
    this.#instead(faces.length ? "" : "no-face");
    const many = faces.length > 1 ? `${faces.length} in the picture` : "";
    setText(this.#note, leftOut ? `the ${faces.length} largest of ${faces.length + leftOut}` : many);
    this.#fold(faces.length > MOST_OPEN);
    const sorted = [...faces].sort((a, b) => a.number - b.number);
    const present = new Set(sorted.map((face) => face.number));
    for (const [number, card] of this.#cards) if (!present.has(number)) this.#remove(number, card);
    sorted.forEach((face, position) => this.#show(face, position));
  }

  /**
   * No cards: nothing that somebody could take for an answer on the picture beside it.
   *
   * @param {"example" | "skeleton" | "no-answer"} instead  The example only where there is no picture; the skeleton
   *     while an answer is expected.
   */
  clear(instead) {
    for (const [number, card] of this.#cards) this.#remove(number, card);
    setText(this.#note, "");
    this.#instead(instead);
  }

  /** @param {string} shown */
  #instead(shown) {
    for (const [id, element] of Object.entries(this.#others)) element.hidden = id !== shown;
    byId("faces").toggleAttribute("aria-busy", shown === "skeleton");
  }

  /** @param {boolean} many */
  #fold(many) {
    if (many === this.#many) return;
    this.#many = many;
    this.#list.toggleAttribute("data-many", many);
    for (const card of this.#cards.values()) card.open = !many;
  }

  /**
   * @param {FaceAnswer} face
   * @param {number} position
   */
  #show(face, position) {
    let card = this.#cards.get(face.number);
    if (!card) {
      card = new Card(this.#emotions, (marked) => this.#onMark(marked ? face.number : null));
      card.open = !this.#many;
      this.#cards.set(face.number, card);
    }
    // Moved only when it is not there yet: moving takes the keyboard's focus away.
    if (this.#list.children[position] !== card.element) {
      this.#list.insertBefore(card.element, this.#list.children[position] ?? null);
    }
    card.show(face);
  }

  /**
   * @param {number} number
   * @param {Card} card
   */
  #remove(number, card) {
    if (card.element.contains(document.activeElement)) this.#onMark(null);
    card.element.remove();
    this.#cards.delete(number);
  }
}

class Card {
  #details;
  #parts;
  #bars;

  /**
   * @param {string[]} emotions
   * @param {(marked: boolean) => void} onMark
   */
  constructor(emotions, onMark) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("card-template"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const find = (/** @type {string} */ part) => /** @type {HTMLElement} */ (copy.querySelector(part));
    this.element = find(".card");
    this.#details = /** @type {HTMLDetailsElement} */ (find("details"));
    this.#parts = {
      number: find(".card-number"),
      emotion: find(".card-emotion"),
      uncertain: find(".card-uncertain"),
      confidence: find(".card-confidence"),
      quality: find(".card-quality"),
    };
    this.#bars = new Bars(find(".bars"), emotions);
    for (const event of ["pointerenter", "focusin"]) this.element.addEventListener(event, () => onMark(true));
    for (const event of ["pointerleave", "focusout"]) this.element.addEventListener(event, () => onMark(false));
  }

  set open(/** @type {boolean} */ open) {
    this.#details.open = open;
  }

  /** @param {FaceAnswer} face */
  show(face) {
    const { number, emotion, uncertain, confidence, quality } = this.#parts;
    setText(number, String(face.number));
    setText(emotion, face.emotion);
    setText(confidence, percent(face.confidence));
    uncertain.hidden = !face.uncertain;
    this.element.toggleAttribute("data-uncertain", face.uncertain);
    this.element.style.setProperty("--colour", pageColour(face.index));
    this.element.style.setProperty("--confidence", face.confidence.toFixed(3));
    quality.hidden = !face.quality.length;
    setText(quality, `May mislead: ${face.quality.join(", ")}`);
    if (this.#details.open) this.#bars.show(face.probabilities);
    else this.#details.ontoggle = () => this.#bars.show(face.probabilities);
  }
}
