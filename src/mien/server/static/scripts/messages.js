/**
 * Sentences for what can go wrong, each with what to do about it.
 *
 * @typedef {{title: string, body: string}} Message
 */
import { ServerError } from "./api.js";

/** @returns {Message} */
export function insecureOrigin() {
  const here = location.port ? `localhost:${location.port}` : "localhost";
  return {
    title: "The browser gives no camera to this address",
    body: `Cameras need https, or an address of this machine. On the machine that runs mien, open http://${here}; from elsewhere, put the server behind https. Photos and video files work here as well.`,
  };
}

/** @type {Record<string, Message>} */
const CAMERA = {
  NotAllowedError: {
    title: "The camera was not allowed",
    body: "Allow it for this page, by the camera sign in or near the address bar, then start it again. Photos and video files need no permission.",
  },
  NotFoundError: {
    title: "No camera was found",
    body: "Connect one and start it again, or open a photo or a video file instead.",
  },
  OverconstrainedError: {
    title: "This camera is not there any more",
    body: "Start the camera again to use another one.",
  },
  NotReadableError: {
    title: "The camera did not start",
    body: "Another program may be using it. Close that program and start the camera again.",
  },
};
CAMERA.SecurityError = CAMERA.NotAllowedError;

/** @param {unknown} error  As `getUserMedia` gives it. @returns {Message} */
export function cameraFailed(error) {
  const name = error instanceof Error ? error.name : "";
  return CAMERA[name] ?? { title: "The camera did not start", body: `The browser says: ${error}` };
}

/** @returns {Message} */
export function cameraEnded() {
  return { title: "The camera was taken away", body: "It was unplugged, or its permission ended. Start it again when it is back." };
}

/** @param {unknown} error @returns {Message} */
export function serverFailed(error) {
  if (!(error instanceof ServerError)) return { title: "That did not work", body: String(error) };
  if (error.status === 0) {
    return { title: "The server does not answer", body: "Is mien serve still running?" };
  }
  return { title: error.message, body: error.hint };
}

/** When the page itself came, but not what it asked for next. @returns {Message} */
export function serverAway() {
  return { title: "The server does not answer", body: "Is mien serve still running? This page tries again by itself." };
}

/** @type {Record<string, string>} */
const REFUSALS = {
  origin_refused: "It answers pages from its own address only. Open the address that mien serve printed.",
};

/** @param {string} reason  As the server or the browser has it; may be empty. @returns {Message} */
export function streamRefused(reason) {
  return { title: "The server refused the live picture", body: REFUSALS[reason] ?? `It says: ${reason || "nothing"}` };
}

/** @param {string} name @returns {Message} */
export function notAPicture(name) {
  return {
    title: `${name} cannot be shown here`,
    body: "Choose a photo (JPEG, PNG, WebP) or a video that this browser plays (MP4, WebM). Others: mien predict and mien video read more formats.",
  };
}

/** @param {number} count @param {number} most @returns {Message} */
export function tooMany(count, most) {
  return { title: `${count} files came, and this page takes ${most}`, body: "The first are shown. For whole folders there is mien predict." };
}
