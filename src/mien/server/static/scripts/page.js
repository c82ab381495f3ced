/** Elements of the page by their id. */

/**
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @returns {T}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`Expected an element with id ${id}.`);
  return /** @type {T} */ (element);
}
