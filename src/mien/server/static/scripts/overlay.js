/**
 * Boxes and labels over a picture. Draws on any 2D context: the one over the live picture and that of a snapshot.
 */
import { CROWD, percent } from "./answer.js";
import { boxInView, inside, placeLabel } from "./geometry.js";
import { pictureColour, pictureInk } from "./palette.js";

/** @typedef {import("./answer.js").FaceAnswer} FaceAnswer */
/** @typedef {import("./geometry.js").Box} Box */

const FONT = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif';
const SMALLEST_FONT_PX = 13;
const LARGEST_FONT_PX = 18;
const FONT_SHARE = 0.026; // of the shorter side of the picture

/**
 * Draw the faces of a picture.
 *
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context  In units of the view.
 * @param {FaceAnswer[]} faces
 * @param {object} options
 * @param {import("./geometry.js").Placement} options.placement  Where the picture lies.
 * @param {import("./geometry.js").Size} options.view
 * @param {boolean} [options.mirrored]  Whether the picture is shown mirrored; writing never is.
 * @param {(number | null)[]} [options.marked]  Numbers of faces to stand out; in a crowd only these have labels.
 * @param {boolean} [options.labels]  Whether others have labels.
 */
export function drawFaces(context, faces, { placement, view, mirrored = false, marked = [], labels = true }) {
  const font_px = fontFor(placement);
  const boxes = faces.map((face) => boxInView(face.box, placement, { mirrored }));
  faces.forEach((face, position) => drawBox(context, face, boxes[position], { font_px, marked: marked.includes(face.number) }));
  /** @type {Box[]} */
  const taken = [];
  const all = labels && faces.length <= CROWD;
  faces.forEach((face, position) => {
    if (!all && !marked.includes(face.number)) return;
    const others = boxes.filter((_, other) => other !== position);
    const place = drawLabel(context, face, boxes[position], { view, taken, others, many: faces.length > 1, font_px });
    taken.push(place);
  });
}

/** @param {import("./geometry.js").Size} picture */
function fontFor(picture) {
  const share = FONT_SHARE * Math.min(picture.width, picture.height);
  return Math.round(Math.min(LARGEST_FONT_PX, Math.max(SMALLEST_FONT_PX, share)));
}

/**
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {FaceAnswer} face
 * @param {Box} box
 * @param {{font_px: number, marked: boolean}} options
 */
function drawBox(context, face, box, { font_px, marked }) {
  const line = (marked ? 2 : 1) * Math.max(2, font_px / 7);
  context.save();
  context.lineJoin = "round";
  context.beginPath();
  context.roundRect(box.x, box.y, box.width, box.height, Math.min(6, box.width / 8));
  // A dark rim keeps a light line visible on light skin and sky.
  context.strokeStyle = pictureInk();
  context.globalAlpha = 0.75;
  context.lineWidth = line + 2;
  context.stroke();
  context.globalAlpha = 1;
  if (face.uncertain) context.setLineDash([line * 3, line * 2]);
  context.strokeStyle = pictureColour(face.index);
  context.lineWidth = line;
  context.stroke();
  context.restore();
}

/**
 * The longest text that finds a clear place; the bare number otherwise, which its card explains.
 *
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {FaceAnswer} face
 * @param {Box} box
 * @param {{view: import("./geometry.js").Size, taken: Box[], others: Box[], many: boolean, font_px: number}} options
 * @returns {Box}
 */
function drawLabel(context, face, box, { view, taken, others, many, font_px }) {
  context.font = `600 ${font_px}px ${FONT}`;
  const texts = labelTexts(face, many);
  const sizes = texts.map((text) => ({
    width: Math.ceil(context.measureText(text).width + font_px),
    height: Math.round(font_px * 1.6),
  }));
  // Off other labels and faces if there is room; else off other labels; else the number in the corner of the box.
  for (const obstacles of [[...taken, ...others], taken]) {
    for (let k = 0; k < texts.length; k++) {
      const place = placeLabel(sizes[k], box, view, obstacles);
      if (place) return drawPlate(context, texts[k], place, face, font_px);
    }
  }
  const last = texts.length - 1;
  return drawPlate(context, texts[last], inside({ x: box.x, y: box.y, ...sizes[last] }, view), face, font_px);
}

/**
 * @param {FaceAnswer} face
 * @param {boolean} many
 */
function labelTexts(face, many) {
  const name = `${face.emotion}${face.uncertain ? "?" : ""}`;
  const full = `${name} ${percent(face.confidence)}`;
  return many ? [`${face.number}  ${full}`, `${face.number}  ${name}`, `${face.number}`] : [full, name];
}

/**
 * @param {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} context
 * @param {string} text
 * @param {Box} place
 * @param {FaceAnswer} face
 * @param {number} font_px
 * @returns {Box}
 */
function drawPlate(context, text, place, face, font_px) {
  context.beginPath();
  context.roundRect(place.x, place.y, place.width, place.height, 4);
  context.fillStyle = pictureColour(face.index);
  context.fill();
  context.fillStyle = pictureInk();
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.fillText(text, place.x + font_px / 2, place.y + place.height / 2 + font_px * 0.05);
  return place;
}
