/**
 * What the server says, as the page uses it: one plain value per face.
 *
 * @typedef {import("./geometry.js").Box} Box
 * @typedef {object} FaceAnswer
 * @property {number} number  Stays with a face over a session.
 * @property {Box} box  In pixels of the picture that was analysed.
 * @property {string} emotion
 * @property {number} index  Of the emotion in the server's order.
 * @property {number} confidence  0 to 1.
 * @property {boolean} uncertain
 * @property {number[]} probabilities  In the server's order.
 * @property {string[]} quality  What speaks against trusting the answer.
 */

/**
 * The faces of one prediction.
 *
 * @param {any} prediction  As `Prediction.to_dict()` gives it.
 * @param {string[]} emotions  The server's order.
 * @param {{tracks?: any[], offset?: number}} [options]  Tracks of a stream carry smoothed values and numbers; a photo
 *     has none, and its faces are numbered from 1. The offset keeps numbers of several connections apart.
 * @returns {FaceAnswer[]}
 */
export function facesOf(prediction, emotions, { tracks, offset = 0 } = {}) {
  return prediction.faces.map((/** @type {any} */ face, /** @type {number} */ position) => {
    const track = tracks?.[position];
    const said = track ?? face;
    return {
      number: offset + (track?.track ?? position + 1),
      box: face.box,
      emotion: said.emotion,
      index: emotions.indexOf(said.emotion),
      confidence: said.confidence,
      uncertain: said.uncertain,
      probabilities: emotions.map((name) => said.probabilities[name] ?? 0),
      quality: face.quality ?? [],
    };
  });
}

/** A share as people write it. @param {number} share  0 to 1. */
export function percent(share) {
  return `${Math.round(100 * share)} %`;
}

/**
 * One face in words, for people who listen and for small labels.
 *
 * @param {FaceAnswer} face
 */
export function inWords(face) {
  return `${face.uncertain ? "perhaps " : ""}${face.emotion}, ${percent(face.confidence)}`;
}

/**
 * How often each expression is shown, most often first: `5 happy, 2 neutral, 1 sad?`.
 *
 * @param {FaceAnswer[]} faces
 */
export function summary(faces) {
  const counts = new Map();
  for (const { emotion, uncertain } of faces) {
    const name = `${emotion}${uncertain ? "?" : ""}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  // What is uncertain comes last.
  const sorted = [...counts].sort(([a, m], [b, n]) => Number(a.endsWith("?")) - Number(b.endsWith("?")) || n - m);
  return sorted.map(([name, count]) => `${count} ${name}`).join(", ");
}

/** More faces than this are a crowd: boxes only, and a folded list. */
export const CROWD = 12;
