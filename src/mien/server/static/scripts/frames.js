/** New frames of a video element as they are shown, until told to stop. */

/**
 * Call back for each new frame. A frame that a seek leads to may be shown before the video says that it can be read.
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
    // In the middle of a seek, a video already names the place that it only goes to.
    if (!exact && (video.seeking || media_seconds === last_seconds)) return;
    last_seconds = media_seconds;
    onFrame(media_seconds);
  };
  next();
  return () => {
    stopped = true;
  };
}
