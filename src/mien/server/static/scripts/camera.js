/** The camera: asked for on a click only, and let go when no longer shown. What may go wrong is in `messages.js`. */

/** Enough for faces, small enough to send many times a second. */
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

/** Whether the browser gives a camera to this page at all. */
export function cameraIsPossible() {
  return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);
}

/**
 * @param {string} [device]  One of `cameras()`; the one that faces the person by default.
 * @returns {Promise<MediaStream>}
 */
export function openCamera(device) {
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
export function closeCamera(stream) {
  for (const track of stream.getTracks()) track.stop();
}
