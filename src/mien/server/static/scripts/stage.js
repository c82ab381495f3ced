/** The picture and what is drawn over it. Knows nothing of where pictures or answers come from. */
import { sharpCanvas } from "./canvas.js";
import { boxInView, fitInside } from "./geometry.js";
import { drawFaces } from "./overlay.js";
import { byId } from "./page.js";

/** @typedef {import("./answer.js").FaceAnswer} FaceAnswer */
/** @typedef {import("./geometry.js").Size} Size */

export class Stage {
  video = /** @type {HTMLVideoElement} */ (byId("video"));
  photo = /** @type {HTMLImageElement} */ (byId("photo"));
  #element = byId("stage");
  #frame = byId("frame");
  #overlay = /** @type {HTMLCanvasElement} */ (byId("overlay"));
  #veil = byId("veil");
  /** @type {FaceAnswer[]} */
  #faces = [];
  /** @type {Size | null} */
  #analysed = null;
  /** @type {ImageBitmap | null} */
  #still = null;
  /** @type {number | null} */
  #pointed = null;
  /** @type {number | null} */
  #selected = null;
  #labels = true;

  /** @param {(number: number | null) => void} onPick  Called with the face that was clicked. */
  constructor(onPick) {
    this.#frame.addEventListener("pointermove", (event) => this.mark(this.#faceAt(event)));
    this.#frame.addEventListener("pointerleave", () => this.mark(null));
    this.#frame.addEventListener("click", (event) => onPick(this.#faceAt(event)));
    new ResizeObserver(() => this.draw()).observe(this.#frame);
    this.video.addEventListener("resize", () => this.#fit());
    this.photo.addEventListener("load", () => this.#fit());
  }

  /** @param {"none" | "photo" | "camera" | "video"} kind */
  show(kind) {
    this.#element.dataset.source = kind;
    this.setFaces([], null);
    this.veil = "";
    this.#fit();
  }

  get kind() {
    return this.#element.dataset.source;
  }

  get mirrored() {
    return this.#element.hasAttribute("data-mirrored");
  }

  set mirrored(mirrored) {
    this.#element.toggleAttribute("data-mirrored", mirrored);
    this.draw();
  }

  /** A line over the picture, such as why it stands still; empty for none. */
  set veil(/** @type {string} */ text) {
    this.#veil.textContent = text;
  }

  /** Size of what is shown, in its own pixels. @returns {Size} */
  get size() {
    return this.kind === "photo"
      ? { width: this.photo.naturalWidth, height: this.photo.naturalHeight }
      : { width: this.video.videoWidth, height: this.video.videoHeight };
  }

  /**
   * @param {FaceAnswer[]} faces
   * @param {Size | null} analysed  The size that their boxes refer to.
   * @param {ImageBitmap | null} [still]  The frame they belong to, to be shown in place of the running picture.
   */
  setFaces(faces, analysed, still = null) {
    // A newer one makes the last one worthless; without one, a snapshot may still be taken of it.
    if (still) this.#still?.close();
    this.#faces = faces;
    this.#analysed = analysed;
    this.#still = still;
    this.draw();
  }

  /** Make one face stand out. @param {number | null} number */
  mark(number) {
    if (number === this.#pointed) return;
    this.#pointed = number;
    this.draw();
  }

  /** Make one face stand out for good. @param {number | null} number */
  select(number) {
    this.#selected = number;
    this.draw();
  }

  set labels(/** @type {boolean} */ labels) {
    this.#labels = labels;
    this.draw();
  }

  /** The smallest face under the pointer, since it may stand before another. @param {MouseEvent} event */
  #faceAt(event) {
    const { left, top, width, height } = this.#overlay.getBoundingClientRect();
    if (!this.#analysed || !width) return null;
    const placement = fitInside(this.#analysed, { width, height });
    const [x, y] = [event.clientX - left, event.clientY - top];
    const under = this.#faces
      .map((face) => ({ number: face.number, box: boxInView(face.box, placement, { mirrored: this.mirrored }) }))
      .filter(({ box }) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height)
      .sort((a, b) => a.box.width - b.box.width);
    return under[0]?.number ?? null;
  }

  draw() {
    const { context, width, height } = sharpCanvas(this.#overlay);
    if (!this.#analysed || !width) return;
    const placement = fitInside(this.#analysed, { width, height });
    if (this.#still) this.#drawStill(context, this.#still, placement);
    drawFaces(context, this.#faces, {
      placement,
      view: { width, height },
      mirrored: this.mirrored,
      marked: [this.#pointed, this.#selected],
      labels: this.#labels,
    });
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {ImageBitmap} still
   * @param {import("./geometry.js").Placement} placement
   */
  #drawStill(context, still, { x, y, width, height }) {
    context.save();
    if (this.mirrored) {
      context.translate(2 * x + width, 0);
      context.scale(-1, 1);
    }
    context.drawImage(still, x, y, width, height);
    context.restore();
  }

  /** Give the frame the picture's proportions. */
  #fit() {
    const { width, height } = this.size;
    if (width && height) this.#frame.style.setProperty("--ratio", `${width} / ${height}`);
    this.draw();
  }
}
