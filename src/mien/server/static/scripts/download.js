/** Hands a file made in the page to the browser's downloads. */

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser reads the address after this call; a minute is plenty.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * `mien-2026-11-21-14-05-09.csv`, in local time.
 *
 * @param {string} extension
 */
export function fileName(extension) {
  const now = new Date();
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())];
  const time = [two(now.getHours()), two(now.getMinutes()), two(now.getSeconds())];
  return `mien-${[...day, ...time].join("-")}.${extension}`;
}
