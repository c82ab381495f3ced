/** Seven bars with names and numbers, in the server's order. */
import { percent } from "./answer.js";
import { setText } from "./page.js";
import { pageColour } from "./palette.js";

export class Bars {
  /** @type {{row: HTMLElement, fill: HTMLElement, value: HTMLElement}[]} */
  #rows;

  /**
   * @param {HTMLElement} list  Where they go.
   * @param {string[]} emotions
   */
  constructor(list, emotions) {
    const template = /** @type {HTMLTemplateElement} */ (document.getElementById("bar-template"));
    this.#rows = emotions.map((name, index) => {
      const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
      const find = (/** @type {string} */ part) => /** @type {HTMLElement} */ (copy.querySelector(part));
      const parts = { row: find(".bar"), fill: find(".bar-fill"), value: find(".bar-value") };
      find(".bar-name").textContent = name;
      parts.fill.style.setProperty("--colour", pageColour(index));
      list.append(copy);
      return parts;
    });
  }

  /** @param {number[]} probabilities */
  show(probabilities) {
    const top = probabilities.indexOf(Math.max(...probabilities));
    this.#rows.forEach(({ row, fill, value }, index) => {
      fill.style.setProperty("--share", probabilities[index].toFixed(3));
      setText(value, percent(probabilities[index]));
      row.toggleAttribute("data-top", index === top);
    });
  }
}
