/** The cards: one per face, kept while the face stays; with many faces they fold into rows. */
import { CROWD, percent, summary } from "./answer.js";
import { Bars } from "./bars.js";
import { byId, setText } from "./page.js";
import { pageColour } from "./palette.js";
import { sizeOf } from "./snapshot.js";

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
  #onSelect;
  /** @type {Map<number, Card>} */
  #cards = new Map();
  #many = false;
  #more = byId("more-faces");
  #unfolded = false;

  /**
   * @param {string[]} emotions
   * @param {object} on
   * @param {(number: number | null) => void} on.mark  A card is pointed at, or left.
   * @param {(number: number | null) => void} on.select  A card was clicked.
   */
  constructor(emotions, { mark, select }) {
    this.#emotions = emotions;
    this.#onMark = mark;
    this.#onSelect = select;
    this.#more.addEventListener("click", () => {
      this.#unfolded = true;
      this.#hideRest();
    });
  }

  /**
   * Show the faces of an answer.
   *
   * @param {FaceAnswer[]} faces
   * @param {object} facts
   * @param {number} facts.leftOut  How many more the server found and left out.
   * @param {ImageBitmap | HTMLImageElement} facts.picture  Which they were found on.
   * @param {import("./geometry.js").Size} facts.analysed  The size that their boxes refer to.
   */
  show(faces, { leftOut, picture, analysed }) {
    this.#instead(faces.length ? "" : "no-face");
    const many = faces.length > 1 ? `${faces.length} in the picture` : "";
    setText(byId("faces-summary"), faces.length > 1 ? summary(faces) : "");
    setText(this.#note, leftOut ? `the ${faces.length} largest of ${faces.length + leftOut}` : many);
    this.#fold(faces.length > MOST_OPEN);
    const sorted = faces.length > CROWD ? byExpression(faces) : [...faces].sort((a, b) => a.number - b.number);
    const present = new Set(sorted.map((face) => face.number));
    for (const [number, card] of this.#cards) if (!present.has(number)) this.#remove(number, card);
    sorted.forEach((face, position) => this.#show(face, position));
    for (const face of faces) this.#cards.get(face.number)?.draw(face.box, picture, sizeOf(picture).width / analysed.width);
    this.#hideRest();
  }

  /**
   * Make one card stand out.
   *
   * @param {number | null} number
   * @param {{reveal?: boolean}} [options]  Open it and bring it into sight, where it was not its own click.
   */
  select(number, { reveal = false } = {}) {
    for (const [other, card] of this.#cards) card.selected = other === number;
    const card = number === null ? undefined : this.#cards.get(number);
    if (!card || !reveal) return;
    card.open = true;
    card.element.hidden = false;
    card.element.scrollIntoView({ block: "nearest" });
  }

  /** Of a crowd, the first are listed until all are asked for. */
  #hideRest() {
    const rows = /** @type {HTMLElement[]} */ ([...this.#list.children]);
    const folds = rows.length > CROWD && !this.#unfolded;
    rows.forEach((row, position) => {
      row.hidden = folds && position >= CROWD && !row.hasAttribute("data-selected");
    });
    this.#more.hidden = !folds;
    setText(this.#more, `Show all ${rows.length}`);
  }

  /**
   * No cards: nothing that somebody could take for an answer on the picture beside it.
   *
   * @param {"example" | "skeleton" | "no-answer"} instead  The example only where there is no picture; the skeleton
   *     while an answer is expected.
   */
  clear(instead) {
    for (const [number, card] of this.#cards) this.#remove(number, card);
    for (const place of [this.#note, byId("faces-summary")]) setText(place, "");
    this.#unfolded = false;
    this.#more.hidden = true;
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
      card = new Card(this.#emotions, {
        mark: (marked) => this.#onMark(marked ? face.number : null),
        select: () => this.#onSelect(face.number),
      });
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
   * @param {{mark: (marked: boolean) => void, select: () => void}} on
   */
  constructor(emotions, on) {
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
      crop: /** @type {HTMLCanvasElement} */ (find(".card-face")),
    };
    this.#bars = new Bars(find(".bars"), emotions);
    for (const event of ["pointerenter", "focusin"]) this.element.addEventListener(event, () => on.mark(true));
    for (const event of ["pointerleave", "focusout"]) this.element.addEventListener(event, () => on.mark(false));
    find("summary").addEventListener("click", on.select);
  }

  set open(/** @type {boolean} */ open) {
    this.#details.open = open;
  }

  set selected(/** @type {boolean} */ selected) {
    this.element.toggleAttribute("data-selected", selected);
  }

  /**
   * The face itself, with some of what is around it.
   *
   * @param {import("./geometry.js").Box} box
   * @param {ImageBitmap | HTMLImageElement} picture
   * @param {number} scale  Pixels of the picture for one of the box.
   */
  draw(box, picture, scale) {
    const { crop } = this.#parts;
    const side = Math.max(box.width, box.height) * scale * 1.2;
    const x = (box.x + box.width / 2) * scale - side / 2;
    const y = (box.y + box.height / 2) * scale - side / 2;
    const context = crop.getContext("2d");
    context?.clearRect(0, 0, crop.width, crop.height);
    context?.drawImage(picture, x, y, side, side, 0, 0, crop.width, crop.height);
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

/**
 * The most frequent expression first, and of each the surest.
 *
 * @param {FaceAnswer[]} faces
 */
function byExpression(faces) {
  const counts = new Map();
  for (const { emotion } of faces) counts.set(emotion, (counts.get(emotion) ?? 0) + 1);
  return [...faces].sort(
    (a, b) => counts.get(b.emotion) - counts.get(a.emotion) || a.index - b.index || b.confidence - a.confidence,
  );
}
