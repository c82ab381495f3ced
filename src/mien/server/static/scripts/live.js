/** Frames of a playing video to the stream, always the newest one that is shown. */

/**
 * @typedef {object} Frame  What comes back with an answer.
 * @property {ImageBitmap} still  The frame, to be shown with its boxes.
 * @property {number} media_seconds
 */

export class Live {
  #video;
  #stream;
  #encoder;
  #stop = () => {};
  #shown = 0; // frames shown so far
  #taken = 0; // the one that was taken last
  #media_seconds = 0;
  #encoding = false;
  #round = 0;

  /**
   * @param {HTMLVideoElement} video
   * @param {import("./stream.js").Stream} stream
   * @param {import("./encoder.js").Encoder} encoder
   */
  constructor(video, stream, encoder) {
    this.#video = video;
    this.#stream = stream;
    this.#encoder = encoder;
  }

  start() {
    this.stop();
    const listening = new AbortController();
    const on = (/** @type {string} */ event, /** @type {() => void} */ act) =>
      this.#video.addEventListener(event, act, { signal: listening.signal });
    const stopFrames = eachFrame(this.#video, (media_seconds) => {
      this.#shown += 1;
      this.#media_seconds = media_seconds;
      void this.take();
    });
    // A frame that still waits for its turn is not what the video shows from here on.
    on("seeking", () => (this.#taken = this.#shown));
    // A frame that came while it could not be read yet.
    on("seeked", () => void this.take());
    on("loadeddata", () => void this.take());
    this.#stop = () => {
      stopFrames();
      listening.abort();
    };
  }

  stop() {
    this.#stop();
    this.#stop = () => {};
    this.#round += 1;
  }

  /** Send the frame that is shown, unless it was sent or the stream has enough; called again when there is room. */
  async take() {
    if (this.#stream.state === "idle" && this.#shown !== this.#taken) this.#stream.open();
    if (this.#encoding || this.#shown === this.#taken || !this.#stream.ready || !isReadable(this.#video)) return;
    const round = this.#round;
    const size = { width: this.#video.videoWidth, height: this.#video.videoHeight };
    if (!size.width) return;
    const [taken_ms, media_seconds] = [performance.now(), this.#media_seconds];
    this.#taken = this.#shown;
    this.#encoding = true;
    try {
      // Both take the frame that is shown now, before they wait.
      const [still, blob] = await Promise.all([createImageBitmap(this.#video), this.#encoder.encode(this.#video, size)]);
      if (round === this.#round && this.#stream.state === "open") {
        this.#stream.send(blob, { still, media_seconds }, taken_ms);
      } else {
        still.close();
      }
    } finally {
      this.#encoding = false;
    }
    // One that came meanwhile.
    void this.take();
  }
}

/** Whether the frame that is shown can be read; reading it in the middle of a seek fails. @param {HTMLVideoElement} video */
function isReadable(video) {
  return !video.seeking && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
}

/**
 * Call back for each new frame. A frame that a seek leads to may be shown before the video says that it can be read.
 *
 * @param {HTMLVideoElement} video
 * @param {(media_seconds: number) => void} onFrame
 * @returns {() => void}  Stops it.
 */
function eachFrame(video, onFrame) {
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
