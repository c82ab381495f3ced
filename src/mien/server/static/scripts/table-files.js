/** The session's table as CSV and as JSON. Pure functions of rows. */

/** @typedef {import("./record.js").Row} Row */

/**
 * One line per row: when, which face, what it showed, all probabilities, where it was.
 *
 * @param {Row[]} rows
 * @param {string[]} emotions
 */
export function toCsv(rows, emotions) {
  const start_ms = rows[0]?.at_ms ?? 0;
  const head = [
    ...["source", "time", "seconds", "media_seconds", "face", "emotion", "confidence", "uncertain"],
    ...emotions,
    ...["x", "y", "width", "height", "quality"],
  ];
  const lines = rows.map(({ source, at_ms, media_seconds, face }) => [
    asText(source),
    new Date(at_ms).toISOString(),
    ((at_ms - start_ms) / 1000).toFixed(3),
    media_seconds?.toFixed(3) ?? "",
    face.number,
    asText(face.emotion),
    face.confidence.toFixed(4),
    face.uncertain,
    ...face.probabilities.map((value) => value.toFixed(4)),
    ...[face.box.x, face.box.y, face.box.width, face.box.height].map((value) => value.toFixed(1)),
    asText(face.quality.join(" ")),
  ]);
  return [head.map(asText), ...lines].map((cells) => cells.join(",") + "\r\n").join("");
}

/**
 * A text as a CSV cell (RFC 4180). A name that a spreadsheet would run as a formula is kept from it by a leading
 * apostrophe: file names come from anywhere.
 *
 * @param {string} text
 */
function asText(text) {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}

/**
 * The same with what a reader needs to make sense of it.
 *
 * @param {Row[]} rows
 * @param {{emotions: string[], facts: Record<string, unknown>}} about
 */
export function toJson(rows, { emotions, facts }) {
  const start_ms = rows[0]?.at_ms ?? 0;
  const said = rows.map(({ source, at_ms, media_seconds, face }) => ({
    source,
    time: new Date(at_ms).toISOString(),
    seconds: round((at_ms - start_ms) / 1000, 3),
    media_seconds: media_seconds === null ? null : round(media_seconds, 3),
    face: face.number,
    emotion: face.emotion,
    confidence: round(face.confidence, 4),
    uncertain: face.uncertain,
    probabilities: Object.fromEntries(emotions.map((name, index) => [name, round(face.probabilities[index], 4)])),
    box: face.box,
    quality: face.quality,
  }));
  return JSON.stringify({ ...facts, emotions, rows: said }, null, 1);
}

/**
 * @param {number} value
 * @param {number} digits
 */
function round(value, digits) {
  return Number(value.toFixed(digits));
}
