/** A photo on its way to the server: as it is where the server reads it, else as a JPEG made here. */
import { predict, ServerError } from "./api.js";
import { Encoder } from "./encoder.js";

const SENT_AS_THEY_ARE = ["image/jpeg", "image/png", "image/webp"];

/**
 * Whether the server reads a file as it is.
 *
 * @param {File} file
 * @param {number} largest_bytes
 */
export function isSentAsItIs(file, largest_bytes) {
  return SENT_AS_THEY_ARE.includes(file.type) && file.size <= largest_bytes;
}

/** Larger than any face needs; within every server's limits. */
const LONGEST_PX = 2048;
const QUALITY = 0.92;

/** Waits that the server asks for are kept, but not for ever. */
const MOST_ATTEMPTS = 3;

/**
 * The server's answer on a photo.
 *
 * @param {File} file
 * @param {HTMLImageElement} image  The same, decoded.
 * @param {{largest_bytes: number, token: string | null, signal: AbortSignal}} options
 * @throws {ServerError}
 */
export async function askAboutPhoto(file, image, { largest_bytes, token, signal }) {
  const asItIs = isSentAsItIs(file, largest_bytes);
  try {
    return await patiently(asItIs ? file : await reencoded(image), { token, signal });
  } catch (error) {
    const cannotBeRead = error instanceof ServerError && [413, 415, 422].includes(error.status);
    if (!asItIs || !cannotBeRead) throw error;
    // The browser could read it, so there is a way round whatever the server did not like about the file.
    return patiently(await reencoded(image), { token, signal });
  }
}

/** @param {HTMLImageElement} image */
function reencoded(image) {
  const size = { width: image.naturalWidth, height: image.naturalHeight };
  return new Encoder({ longest_px: LONGEST_PX, quality: QUALITY }).encode(image, size);
}

/**
 * @param {Blob} photo
 * @param {{token: string | null, signal: AbortSignal}} options
 */
async function patiently(photo, options) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await predict(photo, options);
    } catch (error) {
      const busy = error instanceof ServerError && [429, 503].includes(error.status);
      if (!busy || attempt === MOST_ATTEMPTS) throw error;
      const pause_ms = 1000 * Math.min(5, error.retryAfter_seconds || 1);
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
    }
  }
}
