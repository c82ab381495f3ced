/** What can be shown: the camera, a video file, a photo. One at a time; each opens on the stage and closes cleanly. */

/** The browser cannot show this file. */
export class NotShown extends Error {}

export class Sources {
  #stage;
  #onLeave;
  /** @type {MediaStream | null} */
  #camera = null;
  #address = "";
  /** How often each name came, so that rows of the table tell two sources of one name apart. @type {Map<string, number>} */
  #names = new Map();

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {() => void} onLeave  Called before a source goes, also for another.
   */
  constructor(stage, onLeave) {
    this.#stage = stage;
    this.#onLeave = onLeave;
  }

  get cameraIsPossible() {
    return cameraIsPossible();
  }

  /** The device that is open, if any. */
  get device() {
    return this.#camera?.getVideoTracks()[0]?.getSettings().deviceId;
  }

  /**
   * Each of these gives up, with the signal's reason, once something else was chosen.
   *
   * @param {{device?: string, signal: AbortSignal, onEnded: () => void}} options
   * @returns {Promise<string>}  The source's name.
   */
  async camera({ device, signal, onEnded }) {
    const camera = await openCamera(device);
    if (signal.aborted) closeCamera(camera);
    signal.throwIfAborted();
    this.close();
    this.#camera = camera;
    camera.getVideoTracks()[0].addEventListener("ended", onEnded);
    this.#stage.show("camera");
    this.#stage.video.srcObject = camera;
    await this.#stage.video.play();
    return this.named("camera");
  }

  /**
   * @param {File} file
   * @param {AbortSignal} signal
   */
  async video(file, signal) {
    const address = URL.createObjectURL(file);
    const isShown = await plays(address);
    if (signal.aborted || !isShown) URL.revokeObjectURL(address);
    signal.throwIfAborted();
    if (!isShown) throw new NotShown(file.name);
    this.close();
    this.#address = address;
    this.#stage.show("video");
    this.#stage.video.src = address;
    await this.#stage.video.play();
  }

  /**
   * @param {File} file
   * @param {AbortSignal} signal
   */
  async photo(file, signal) {
    const address = URL.createObjectURL(file);
    const image = new Image();
    image.src = address;
    const isShown = await image.decode().then(() => true, () => false);
    if (signal.aborted || !isShown) URL.revokeObjectURL(address);
    signal.throwIfAborted();
    if (!isShown) throw new NotShown(file.name);
    this.close();
    this.#address = address;
    this.#stage.photo.src = address;
    await this.#stage.photo.decode();
    signal.throwIfAborted();
    this.#stage.show("photo");
  }

  /** Let go of the camera and of files. */
  close() {
    this.#onLeave();
    const { video, photo } = this.#stage;
    if (this.#camera) closeCamera(this.#camera);
    this.#camera = null;
    video.pause();
    video.srcObject = null;
    video.removeAttribute("src");
    video.load();
    photo.removeAttribute("src");
    if (this.#address) URL.revokeObjectURL(this.#address);
    this.#address = "";
    this.#stage.show("none");
  }

  /** A name that no source had before. @param {string} name */
  named(name) {
    const count = (this.#names.get(name) ?? 0) + 1;
    this.#names.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  }
}

/** Whether the browser plays a file. @param {string} address */
function plays(address) {
  const probe = document.createElement("video");
  probe.muted = true;
  probe.preload = "metadata";
  return new Promise((resolve) => {
    probe.addEventListener("loadedmetadata", () => resolve(probe.videoWidth > 0));
    probe.addEventListener("error", () => resolve(false));
    probe.src = address;
  });
}

/* The camera: asked for on a click only, and let go when no longer shown. What may go wrong is in `messages.js`. */

/** Enough for faces, small enough to send many times a second. */
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

/** Whether the browser gives a camera to this page at all. */
function cameraIsPossible() {
  return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);
}

/**
 * @param {string} [device]  One of `cameras()`; the one that faces the person by default.
 * @returns {Promise<MediaStream>}
 */
function openCamera(device) {
  const which = device ? { deviceId: { exact: device } } : { facingMode: "user" };
  return navigator.mediaDevices.getUserMedia({ audio: false, video: { ...WANTED, ...which } });
}

/** Names are known only once one camera was allowed. */
export async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices();
  return devices
    .filter((device) => device.kind === "videoinput" && device.deviceId)
    .map((device, position) => ({ id: device.deviceId, name: device.label || `Camera ${position + 1}` }));
}

/** @param {MediaStream} stream */
function closeCamera(stream) {
  for (const track of stream.getTracks()) track.stop();
}
