/** A canvas as sharp as the screen: its pixels follow its size on the page and the device's pixel ratio. */

/**
 * Prepare a canvas for drawing in CSS pixels, cleared.
 *
 * @param {HTMLCanvasElement} canvas
 * @returns {{context: CanvasRenderingContext2D, width: number, height: number}}  Size in CSS pixels; 0 while hidden.
 */
export function sharpCanvas(canvas) {
  const ratio = window.devicePixelRatio || 1;
  const { clientWidth: width, clientHeight: height } = canvas;
  const [wanted_width, wanted_height] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== wanted_width || canvas.height !== wanted_height) {
    canvas.width = wanted_width;
    canvas.height = wanted_height;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height };
}
