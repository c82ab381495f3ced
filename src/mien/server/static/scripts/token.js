/** The token that a server may ask for: kept for this tab only, and asked for once. */

const KEY = "mien-token";

export class Token {
  /** @type {string | null} */
  #value = null;
  #dialog = /** @type {HTMLDialogElement} */ (document.getElementById("token-dialog"));
  #field = /** @type {HTMLInputElement} */ (document.getElementById("token"));
  #text = /** @type {HTMLElement} */ (document.getElementById("token-text"));
  /** @type {Promise<string | null> | null} */
  #asking = null;

  constructor() {
    // Storage is refused in some private windows; the token is then kept by this object alone.
    try {
      this.#value = sessionStorage.getItem(KEY);
    } catch {
      this.#value = null;
    }
    document.getElementById("token-cancel")?.addEventListener("click", () => this.#dialog.close());
  }

  get value() {
    return this.#value;
  }

  /**
   * Ask for it, once at a time.
   *
   * @param {{refused?: boolean}} [options]  Whether the last one was wrong.
   * @returns {Promise<string | null>}  Null when the person does not give one.
   */
  ask({ refused = false } = {}) {
    this.#asking ??= this.#ask(refused).finally(() => (this.#asking = null));
    return this.#asking;
  }

  /** @param {boolean} refused */
  #ask(refused) {
    if (refused) this.#text.textContent = "The server did not accept this token. Check it and try again.";
    this.#field.value = "";
    this.#dialog.returnValue = "";
    this.#dialog.showModal();
    return new Promise((resolve) => {
      this.#dialog.addEventListener("close", () => resolve(this.#taken()), { once: true });
    });
  }

  #taken() {
    // Only pressing "Use it" sends the form; Escape and "Not now" close without it.
    const given = this.#dialog.returnValue === "use" ? this.#field.value.trim() : "";
    this.#field.value = "";
    if (!given) return null;
    this.#value = given;
    try {
      sessionStorage.setItem(KEY, given);
    } catch {
      // Kept by this object.
    }
    return given;
  }
}
