/** Colours of the expressions, by their place in the server's order, as `emotions.css` has them. Names always stand
 *  beside them. */

/** @type {Map<string, string>} */
const read = new Map();

/** Of what is the same in both themes, and drawn often. @param {string} name */
function fixed(name) {
  if (!read.has(name)) read.set(name, property(name));
  return read.get(name) ?? "";
}

/** @param {string} name */
function property(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Of plates on pictures. @param {number} index */
export function pictureColour(index) {
  return fixed(`--plate-${index}`);
}

/** Of writing on plates. */
export function pictureInk() {
  return fixed("--plate-ink");
}

/** The custom property that holds a colour for the page; it follows the theme. @param {number} index */
export function pageColour(index) {
  return `var(--emotion-${index})`;
}

/**
 * Colours of the theme as they are now, for drawing on a canvas.
 *
 * @param {number} count  How many expressions there are.
 */
export function themeColours(count) {
  return {
    emotions: Array.from({ length: count }, (_, index) => property(`--emotion-${index}`)),
    onEmotion: property("--on-emotion"),
    ink: property("--ink"),
    soft: property("--soft"),
    line: property("--line"),
    ground: property("--ground"),
  };
}
