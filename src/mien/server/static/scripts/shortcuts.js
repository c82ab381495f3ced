/** Keys that act from anywhere on the page; single letters can be turned off, as some input tools send them. */

/**
 * @typedef {object} Shortcut
 * @property {string} key  As `KeyboardEvent.key`, in lower case.
 * @property {string} label  For the list of keys.
 * @property {string} does
 * @property {() => void} act
 */

/**
 * @param {Shortcut[]} shortcuts
 * @param {{lettersAllowed: () => boolean}} options
 */
export function listenForKeys(shortcuts, { lettersAllowed }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (document.querySelector("dialog[open]")) return; // dialogs handle Escape themselves
    const shortcut = shortcuts.find(({ key }) => key === event.key.toLowerCase());
    if (!shortcut) return;
    const isLetter = shortcut.key.length === 1;
    if (isLetter && (!lettersAllowed() || event.repeat || isTyping(event.target))) return;
    event.preventDefault();
    shortcut.act();
  });
}

/** Whether a letter would be text, or choose from a list. @param {EventTarget | null} target */
function isTyping(target) {
  if (!(target instanceof HTMLElement)) return false;
  const isText = target instanceof HTMLInputElement && !["range", "checkbox"].includes(target.type);
  return isText || target instanceof HTMLSelectElement || target instanceof HTMLTextAreaElement || target.isContentEditable;
}

/**
 * Fill the list of keys.
 *
 * @param {HTMLElement} list
 * @param {Shortcut[]} shortcuts
 */
export function listKeys(list, shortcuts) {
  for (const { label, does } of shortcuts) {
    const term = document.createElement("dt");
    const key = document.createElement("kbd");
    const meaning = document.createElement("dd");
    key.textContent = label;
    meaning.textContent = does;
    term.append(key);
    list.append(term, meaning);
  }
}
