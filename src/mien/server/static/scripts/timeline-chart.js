/**
 * The timeline as a picture: a band per face, divided between the expressions, with the name of the one that leads
 * written into it. Draws what `Timeline` holds.
 */
import { sharpCanvas } from "./canvas.js";
import { themeColours } from "./palette.js";
import { lengthOf, mostShown, runs, stretches } from "./timeline.js";

/** @typedef {import("./timeline.js").Lane} Lane */
/** @typedef {import("./timeline.js").Step} Step */
/** @typedef {{from_seconds: number, to_seconds: number, playhead_seconds: number | null}} Span  A playhead only in a clip. */

export const MOST_LANES = 6;
const LANE_PX = 52;
const LANE_GAP_PX = 8;
const AXIS_PX = 20;
const NAME_PX = 26;
const TEXT_PX = 12;
const FONT = '-apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", Arial, sans-serif';

export class TimelineChart {
  /** @type {Span} */
  #span = { from_seconds: 0, to_seconds: 1, playhead_seconds: null };
  #canvas;
  #emotions;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {string[]} emotions
   */
  constructor(canvas, emotions) {
    this.#canvas = canvas;
    this.#emotions = emotions;
  }

  /**
   * @param {Lane[]} lanes
   * @param {Span} span
   */
  draw(lanes, span) {
    const rows = Math.max(1, lanes.length);
    this.#canvas.style.setProperty("--height", `${rows * (LANE_PX + LANE_GAP_PX) + AXIS_PX}px`);
    const { context, width } = sharpCanvas(this.#canvas);
    if (!width) return;
    this.#span = span;
    const colours = themeColours(this.#emotions.length);
    const at = (/** @type {number} */ seconds) =>
      NAME_PX + ((width - NAME_PX) * (seconds - span.from_seconds)) / (span.to_seconds - span.from_seconds);
    const bottom = rows * (LANE_PX + LANE_GAP_PX);
    drawAxis(context, { width, bottom, at, span, colours });
    lanes.forEach((lane, row) => this.#drawLane(context, lane, { top: row * (LANE_PX + LANE_GAP_PX), at, width, colours }));
    if (span.playhead_seconds === null) return;
    context.fillStyle = colours.ink;
    context.fillRect(Math.round(at(span.playhead_seconds)) - 1, 0, 2, bottom);
  }

  /** The time that a place on the canvas stands for. @param {number} x  In CSS pixels from its left edge. */
  secondsAt(x) {
    const { from_seconds, to_seconds } = this.#span;
    const share = (x - NAME_PX) / (this.#canvas.clientWidth - NAME_PX);
    return from_seconds + Math.min(1, Math.max(0, share)) * (to_seconds - from_seconds);
  }

  /**
   * What the chart shows, in words.
   *
   * @param {Lane[]} lanes
   */
  describe(lanes) {
    const parts = lanes.map((lane) => `face ${lane.number} mostly ${this.#emotions[mostShown(lane.steps)] ?? "unknown"}`);
    const span = this.#span.playhead_seconds === null ? "the last minute" : "the clip so far";
    return parts.length ? `Expressions over ${span}: ${parts.join(", ")}.` : `No face in ${span}.`;
  }

  /**
   * @param {CanvasRenderingContext2D} context
   * @param {Lane} lane
   * @param {{top: number, at: (seconds: number) => number, width: number, colours: ReturnType<typeof themeColours>}} place
   */
  #drawLane(context, lane, { top, at, width, colours }) {
    context.save();
    context.fillStyle = colours.soft;
    context.font = `${TEXT_PX}px ${FONT}`;
    context.textBaseline = "middle";
    context.textAlign = "left";
    context.fillText(`${lane.number}`, 0, top + LANE_PX / 2);
    context.beginPath();
    context.rect(NAME_PX, top, width - NAME_PX, LANE_PX);
    context.clip();
    for (const stretch of stretches(lane.steps)) {
      this.#drawAreas(context, stretch, { top, at, colours });
      this.#drawNames(context, stretch, { top, at, colours });
    }
    context.restore();
  }

  /**
   * Areas stacked in the server's order; they fill the band, as probabilities sum to 1.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Step[]} steps
   * @param {{top: number, at: (seconds: number) => number, colours: ReturnType<typeof themeColours>}} place
   */
  #drawAreas(context, steps, { top, at, colours }) {
    const edges = steps.map(() => 0);
    for (let index = 0; index < this.#emotions.length; index++) {
      const upper = edges.map((edge, k) => edge + steps[k].probabilities[index]);
      const y = (/** @type {number} */ share) => top + LANE_PX * share;
      context.beginPath();
      context.moveTo(at(steps[0].time_seconds), y(edges[0]));
      steps.forEach((step, k) => {
        context.lineTo(at(step.time_seconds), y(edges[k]));
        if (k === steps.length - 1) context.lineTo(at(step.time_seconds + lengthOf(step)), y(edges[k]));
      });
      for (let k = steps.length - 1; k >= 0; k--) {
        if (k === steps.length - 1) context.lineTo(at(steps[k].time_seconds + lengthOf(steps[k])), y(upper[k]));
        context.lineTo(at(steps[k].time_seconds), y(upper[k]));
      }
      context.closePath();
      context.fillStyle = colours.emotions[index];
      context.fill();
      // A thin line of the ground divides neighbours for those who see colours alike.
      context.strokeStyle = colours.ground;
      context.lineWidth = 1;
      context.stroke();
      upper.forEach((value, k) => (edges[k] = value));
    }
  }

  /**
   * The leading expression's name, where its area has room for it.
   *
   * @param {CanvasRenderingContext2D} context
   * @param {Step[]} steps
   * @param {{top: number, at: (seconds: number) => number, colours: ReturnType<typeof themeColours>}} place
   */
  #drawNames(context, steps, { top, at, colours }) {
    context.font = `600 ${TEXT_PX}px ${FONT}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.fillStyle = colours.onEmotion;
    for (const run of runs(steps)) {
      const name = this.#emotions[run.index];
      const [left, right] = [Math.max(NAME_PX, at(run.from_seconds)), at(run.to_seconds)];
      const needed = context.measureText(name).width + 10;
      if (right - left < needed) continue;
      const x = (left + right) / 2;
      const under = run.steps.filter((step) => Math.abs(at(step.time_seconds) - x) <= needed / 2);
      const room = roomFor(under.length ? under : run.steps, run.index);
      if ((room.to - room.from) * LANE_PX < TEXT_PX + 2) continue;
      context.fillText(name, x, top + (LANE_PX * (room.from + room.to)) / 2);
    }
  }
}

/**
 * The part of the band that one expression covers throughout some steps.
 *
 * @param {Step[]} steps
 * @param {number} index
 */
function roomFor(steps, index) {
  let [from, to] = [0, 1];
  for (const { probabilities } of steps) {
    const above = probabilities.slice(0, index).reduce((sum, value) => sum + value, 0);
    from = Math.max(from, above);
    to = Math.min(to, above + probabilities[index]);
  }
  return { from, to };
}

/**
 * Five times: before now, or of the clip.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {{width: number, bottom: number, at: (seconds: number) => number, span: Span,
 *     colours: ReturnType<typeof themeColours>}} place
 */
function drawAxis(context, { width, bottom, at, span, colours }) {
  context.font = `${TEXT_PX}px ${FONT}`;
  context.textBaseline = "alphabetic";
  context.lineWidth = 1;
  const isClip = span.playhead_seconds !== null;
  for (let quarter = 0; quarter <= 4; quarter++) {
    const seconds = span.from_seconds + (quarter / 4) * (span.to_seconds - span.from_seconds);
    const x = Math.min(width - 0.5, at(seconds));
    context.strokeStyle = colours.line;
    context.beginPath();
    context.moveTo(Math.round(x) + 0.5, 0);
    context.lineTo(Math.round(x) + 0.5, bottom);
    context.stroke();
    context.fillStyle = colours.soft;
    context.textAlign = quarter === 4 ? "right" : quarter === 0 ? "left" : "center";
    const before = quarter === 4 ? "now" : `−${Math.round(span.to_seconds - seconds)} s`;
    context.fillText(isClip ? clock(seconds) : before, x, bottom + 13);
  }
}

/** `1:05`. @param {number} seconds */
export function clock(seconds) {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
}
