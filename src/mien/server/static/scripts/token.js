/** The token that a server may ask for: kept for this tab only, and taken only once the server accepts it. */
import { byId } from "./page.js";

const KEY = "mien-token";

export class Token {
  /** @type {string | null} */
  #value = null;
  #isAccepted;
  #dialog = /** @type {HTMLDialogElement} */ (byId("token-dialog"));
  #field = /** @type {HTMLInputElement} */ (byId("token"));
  #shown = /** @type {HTMLInputElement} */ (byId("token-shown"));
  #problem = byId("token-problem");
  #resolve = (/** @type {string | null} */ _) => {};

  /** @param {(token: string) => Promise<boolean>} isAccepted  Asks the server. */
  constructor(isAccepted) {
    this.#isAccepted = isAccepted;
    // Storage is refused in some private windows; the token is then kept by this object alone.
    try {
      this.#value = sessionStorage.getItem(KEY);
    } catch {
      this.#value = null;
    }
    byId("token-cancel").addEventListener("click", () => this.cancel());
    // Told late: the next question may be open already.
    this.#dialog.addEventListener("close", () => this.#dialog.open || this.cancel());
    this.#shown.addEventListener("change", () => (this.#field.type = this.#shown.checked ? "text" : "password"));
    byId("token-form").addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try(this.#field.value.trim());
    });
  }

  get value() {
    return this.#value;
  }

  /**
   * Ask for it, until one is accepted; a newer question takes the place of an older one.
   *
   * @param {{refused?: boolean}} [options]  Whether the last one is not accepted any more.
   * @returns {Promise<string | null>}  Null when the person does not give one.
   */
  ask({ refused = false } = {}) {
    this.cancel();
    if (refused) this.#keep(null);
    this.#problem.textContent = refused ? "The server does not accept the last token any more." : "";
    this.#dialog.showModal();
    return new Promise((resolve) => (this.#resolve = resolve));
  }

  /** Nothing is asked any more. */
  cancel() {
    this.#end(null);
  }

  /** @param {string} given */
  async #try(given) {
    this.#problem.textContent = "Asking the server …";
    let problem = "The server does not accept this token. Correct it and try again.";
    try {
      if (await this.#isAccepted(given)) {
        this.#keep(given);
        this.#end(given);
        return;
      }
    } catch (error) {
      problem = error instanceof Error ? error.message : String(error);
    }
    this.#problem.textContent = problem;
    this.#field.select();
  }

  /** @param {string | null} token */
  #end(token) {
    const resolve = this.#resolve;
    this.#resolve = () => {};
    if (this.#dialog.open) this.#dialog.close();
    this.#field.value = "";
    resolve(token);
  }

  /** @param {string | null} token */
  #keep(token) {
    this.#value = token;
    try {
      if (token === null) sessionStorage.removeItem(KEY);
      else sessionStorage.setItem(KEY, token);
    } catch {
      // Kept by this object.
    }
  }
}
