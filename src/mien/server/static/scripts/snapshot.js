/** A PNG of the picture that was analysed, with its boxes: exactly the frame the answer belongs to. */
import { drawFaces } from "./overlay.js";

/** Smaller pictures are enlarged, so that labels fit. */
const SHORTEST_PX = 480;

/**
 * @param {ImageBitmap | HTMLImageElement} picture
 * @param {import("./answer.js").FaceAnswer[]} faces
 * @param {{mirrored: boolean, analysed: import("./geometry.js").Size}} options  The size that boxes refer to.
 * @returns {Promise<Blob>}
 */
export async function snapshot(picture, faces, { mirrored, analysed }) {
  const size = sizeOf(picture);
  const factor = Math.max(1, Math.ceil(SHORTEST_PX / Math.min(size.width, size.height)));
  const view = { width: size.width * factor, height: size.height * factor };
  const canvas = Object.assign(document.createElement("canvas"), view);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.save();
  if (mirrored) {
    context.translate(view.width, 0);
    context.scale(-1, 1);
  }
  context.drawImage(picture, 0, 0, view.width, view.height);
  context.restore();
  const placement = { x: 0, y: 0, ...view, scale: view.width / analysed.width };
  drawFaces(context, faces, { placement, view, mirrored });
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("The browser made no picture."))), "image/png");
  });
}

/** In its own pixels. @param {ImageBitmap | HTMLImageElement} picture */
export function sizeOf(picture) {
  return picture instanceof HTMLImageElement ? { width: picture.naturalWidth, height: picture.naturalHeight } : picture;
}
