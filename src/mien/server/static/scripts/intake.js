/** Ways for a file to come in: chosen, dropped anywhere on the page, pasted. */

/**
 * @param {(files: File[]) => void} onFiles
 * @returns {{choose: () => void}}
 */
export function listenForFiles(onFiles) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById("file"));
  input.addEventListener("change", () => {
    const files = [...(input.files ?? [])];
    input.value = ""; // so that the same file can be chosen again
    if (files.length) onFiles(files);
  });
  takePasted(onFiles);
  takeDropped(onFiles);
  return { choose: () => input.click() };
}

/** @param {(files: File[]) => void} onFiles */
function takePasted(onFiles) {
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return; // text for a field, perhaps
    event.preventDefault();
    onFiles(files);
  });
}

/** @param {(files: File[]) => void} onFiles */
function takeDropped(onFiles) {
  const veil = /** @type {HTMLElement} */ (document.getElementById("drop"));
  const brings = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault(); // without it the browser would open the file in place of the page
    veil.toggleAttribute("data-over", true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) veil.removeAttribute("data-over");
  });
  document.addEventListener("drop", (event) => {
    veil.removeAttribute("data-over");
    if (!brings(event)) return;
    event.preventDefault();
    const files = [...(event.dataTransfer?.files ?? [])];
    if (files.length) onFiles(files);
  });
}
