/** Colours of the expressions, by their place in the server's order. Names always stand beside them. */

/** On pictures, in both themes: light enough for the dark ink of labels. The same as those of `mien predict --save`. */
const ON_PICTURE = ["#ff7661", "#98c85c", "#c4a0ff", "#ffd03c", "#7ab2ff", "#ffa53c", "#cdd2d7"];

export const PICTURE_INK = "#141414";

/** @param {number} index */
export function pictureColour(index) {
  return ON_PICTURE[index % ON_PICTURE.length];
}

/** The custom property that holds a colour for the page; it follows the theme. @param {number} index */
export function pageColour(index) {
  return `var(--emotion-${index % ON_PICTURE.length})`;
}

/**
 * Colours of the theme as they are now, for drawing on a canvas.
 *
 * @param {number} count  How many expressions there are.
 */
export function themeColours(count) {
  const style = getComputedStyle(document.documentElement);
  const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    emotions: Array.from({ length: count }, (_, index) => read(`--emotion-${index % ON_PICTURE.length}`)),
    onEmotion: read("--on-emotion"),
    ink: read("--ink"),
    soft: read("--soft"),
    line: read("--line"),
    surface: read("--surface"),
    ground: read("--ground"),
  };
}
