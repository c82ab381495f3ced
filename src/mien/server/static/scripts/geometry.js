/**
 * Where things lie: a picture inside its view, boxes on it, labels beside boxes. Pure functions of numbers.
 *
 * @typedef {{width: number, height: number}} Size
 * @typedef {{x: number, y: number, width: number, height: number}} Box
 * @typedef {{x: number, y: number, width: number, height: number, scale: number}} Placement
 */

/**
 * A picture scaled to fit a view and centred in it, as `object-fit: contain` does.
 *
 * @param {Size} picture
 * @param {Size} view
 * @returns {Placement}
 */
export function fitInside(picture, view) {
  const scale = Math.min(view.width / picture.width, view.height / picture.height);
  const width = picture.width * scale;
  const height = picture.height * scale;
  return { x: (view.width - width) / 2, y: (view.height - height) / 2, width, height, scale };
}

/**
 * A size no larger than a limit on its longer side, with the same proportions, in whole pixels.
 *
 * @param {Size} size
 * @param {number} longest_px
 * @returns {Size}
 */
export function shrinkTo(size, longest_px) {
  const factor = Math.min(1, longest_px / Math.max(size.width, size.height));
  return { width: Math.max(1, Math.round(size.width * factor)), height: Math.max(1, Math.round(size.height * factor)) };
}

/**
 * A box of the picture, where it is in the view.
 *
 * @param {Box} box
 * @param {Placement} placement
 * @param {{mirrored?: boolean}} [options]
 * @returns {Box}
 */
export function boxInView(box, placement, { mirrored = false } = {}) {
  const width = box.width * placement.scale;
  const left = box.x * placement.scale;
  return {
    x: placement.x + (mirrored ? placement.width - left - width : left),
    y: placement.y + box.y * placement.scale,
    width,
    height: box.height * placement.scale,
  };
}

/**
 * Where a label goes: above its box, else below, else inside; the first place that meets no other label.
 *
 * @param {Size} label
 * @param {Box} box
 * @param {Size} view
 * @param {Box[]} taken  Labels that are already placed, and boxes that should stay visible.
 * @returns {Box | null}  Null when every place meets another.
 */
export function placeLabel(label, box, view, taken) {
  const right = box.x + box.width - label.width;
  const places = [
    [box.x, box.y - label.height],
    [box.x, box.y + box.height],
    [right, box.y - label.height],
    [right, box.y + box.height],
    [box.x, box.y],
    [box.x, box.y + box.height - label.height],
  ].map(([x, y]) => inside({ x, y, ...label }, view));
  return places.find((place) => !taken.some((other) => meet(place, other))) ?? null;
}

/**
 * A box moved into a view, as far as it fits.
 *
 * @param {Box} box
 * @param {Size} view
 * @returns {Box}
 */
export function inside(box, view) {
  const x = Math.min(Math.max(box.x, 0), Math.max(0, view.width - box.width));
  const y = Math.min(Math.max(box.y, 0), Math.max(0, view.height - box.height));
  return { ...box, x, y };
}

/**
 * Whether two boxes share more than an edge.
 *
 * @param {Box} a
 * @param {Box} b
 */
export function meet(a, b) {
  return (
    Math.min(a.x + a.width, b.x + b.width) > Math.max(a.x, b.x) + 1 &&
    Math.min(a.y + a.height, b.y + b.height) > Math.max(a.y, b.y) + 1
  );
}
