/** Several files at once: a strip of small pictures, each with what was found on it; a click shows one. */
import { byId, setText } from "./page.js";

/**
 * @typedef {object} Item  A file that was opened.
 * @property {File} file
 * @property {string} name  As the table calls it.
 * @property {any} said  The server's prediction; null until it is there.
 */

const HEIGHT_PX = 128;

export class Strip {
  #list = byId("strip");
  #onShow;
  /** @type {Map<Item, HTMLButtonElement>} */
  #buttons = new Map();

  /** @param {(item: Item) => void} onShow */
  constructor(onShow) {
    this.#onShow = onShow;
  }

  /** @param {Item[]} items  In place of those before. */
  set(items) {
    this.#buttons = new Map(items.map((item) => [item, this.#button(item)]));
    this.#list.replaceChildren(
      ...[...this.#buttons.values()].map((button) => {
        const entry = document.createElement("li");
        entry.append(button);
        return entry;
      }),
    );
    for (const item of items) this.tell(item);
    void this.#draw(this.#buttons);
  }

  /** Hidden where it would only repeat the stage. @param {Item | null} shown  Null for the camera, or nothing. */
  mark(shown) {
    for (const [item, button] of this.#buttons) {
      if (item === shown) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
    this.#list.hidden = this.#buttons.size === 0 || (this.#buttons.size === 1 && shown !== null);
    if (shown) this.#buttons.get(shown)?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  /** Write what was found. @param {Item} item */
  tell(item) {
    const button = this.#buttons.get(item);
    if (!button) return;
    const { file, said } = item;
    const count = said ? said.faces.length + said.faces_left_out : 0;
    const words = count === 1 ? "1 face" : `${count} faces`;
    setText(/** @type {HTMLElement} */ (button.querySelector(".strip-count")), said ? words : "");
    button.title = file.name;
  }

  /** @param {Item} item */
  #button(item) {
    const template = /** @type {HTMLTemplateElement} */ (byId("strip-template"));
    const copy = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const button = /** @type {HTMLButtonElement} */ (copy.querySelector("button"));
    setText(/** @type {HTMLElement} */ (button.querySelector(".strip-name")), item.file.name);
    button.addEventListener("click", () => this.#onShow(item));
    return button;
  }

  /** One after another, since large photos take memory. @param {Map<Item, HTMLButtonElement>} buttons */
  async #draw(buttons) {
    for (const [{ file }, button] of buttons) {
      if (buttons !== this.#buttons) return;
      // A clip, or what the browser cannot show, has its name only.
      const small = await createImageBitmap(file, { resizeHeight: HEIGHT_PX, resizeQuality: "medium" }).catch(() => null);
      const canvas = /** @type {HTMLCanvasElement} */ (button.querySelector("canvas"));
      canvas.hidden = !small;
      if (!small) continue;
      [canvas.width, canvas.height] = [small.width, small.height];
      canvas.getContext("2d")?.drawImage(small, 0, 0);
      small.close();
    }
  }
}
