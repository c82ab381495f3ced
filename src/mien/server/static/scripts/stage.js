/** The picture and what is drawn over it. Knows nothing of where pictures or answers come from. */
import { sharpCanvas } from "./canvas.js";
import { fitInside } from "./geometry.js";
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
  #marked = null;

  constructor() {
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
    this.#marked = number;
    this.draw();
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
      marked: this.#marked,
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
