/** A picture of the page as a JPEG small enough to send. One canvas is used again and again. */
import { shrinkTo } from "./geometry.js";

export class Encoder {
  #canvas = document.createElement("canvas");
  #context = /** @type {CanvasRenderingContext2D} */ (
    // Read back for every frame, so kept in main memory.
    this.#canvas.getContext("2d", { alpha: false, willReadFrequently: true })
  );
  #longest_px;
  #quality;

  /** @param {{longest_px: number, quality: number}} options */
  constructor({ longest_px, quality }) {
    this.#longest_px = longest_px;
    this.#quality = quality;
  }

  /**
   * @param {CanvasImageSource} picture
   * @param {import("./geometry.js").Size} size  Of the picture.
   * @returns {Promise<Blob>}
   */
  encode(picture, size) {
    const { width, height } = shrinkTo(size, this.#longest_px);
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.drawImage(picture, 0, 0, width, height);
    return new Promise((resolve, reject) => {
      const done = (/** @type {Blob | null} */ blob) =>
        blob ? resolve(blob) : reject(new Error("The browser could not encode this picture."));
      this.#canvas.toBlob(done, "image/jpeg", this.#quality);
    });
  }
}
