/** New frames of a video element as they are shown, until told to stop. */

/**
 * Call back for each new frame.
 *
 * @param {HTMLVideoElement} video
 * @param {(media_seconds: number) => void} onFrame
 * @returns {() => void}  Stops it.
 */
export function eachFrame(video, onFrame) {
  let stopped = false;
  const exact = typeof video.requestVideoFrameCallback === "function";
  const next = exact
    ? () => void video.requestVideoFrameCallback((_, facts) => step(facts.mediaTime))
    : () => void requestAnimationFrame(() => step(video.currentTime));
  let last_seconds = -1;
  const step = (/** @type {number} */ media_seconds) => {
    if (stopped) return;
    next();
    if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
    if (!exact && media_seconds === last_seconds) return;
    last_seconds = media_seconds;
    onFrame(media_seconds);
  };
  next();
  return () => {
    stopped = true;
  };
}
