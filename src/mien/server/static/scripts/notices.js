/** Messages over the picture, read out at once, one per kind; each goes with its button or Escape. */

export class Notices {
  #place = /** @type {HTMLElement} */ (document.getElementById("notices"));
  #template = /** @type {HTMLTemplateElement} */ (document.getElementById("notice-template"));
  /** @type {Map<string, HTMLElement>} */
  #shown = new Map();

  /**
   * @param {string} kind  A newer one of the same kind takes its place.
   * @param {import("./messages.js").Message} message
   * @param {{label: string, act: () => void}} [action]
   */
  show(kind, { title, body }, action) {
    this.clear(kind);
    const copy = /** @type {DocumentFragment} */ (this.#template.content.cloneNode(true));
    const find = (/** @type {string} */ name) => /** @type {HTMLElement} */ (copy.querySelector(name));
    const notice = find(".notice");
    const button = find(".notice-action");
    find(".notice-title").textContent = title;
    find(".notice-body").textContent = body;
    find(".notice-close").addEventListener("click", () => this.clear(kind));
    if (action) {
      button.hidden = false;
      button.textContent = action.label;
      button.addEventListener("click", () => {
        this.clear(kind);
        action.act();
      });
    }
    this.#place.append(copy);
    this.#shown.set(kind, notice);
  }

  /** @param {string} kind */
  clear(kind) {
    this.#shown.get(kind)?.remove();
    this.#shown.delete(kind);
  }

  /** Take the newest away. @returns {boolean} Whether there was one. */
  clearNewest() {
    const kind = [...this.#shown.keys()].at(-1);
    if (kind !== undefined) this.clear(kind);
    return kind !== undefined;
  }
}
