/** Joins the parts: buttons and keys to sources, sources to the server, answers to the page. */
import { ServerError, addressOf, tokenIsAccepted } from "./api.js";
import { facesOf } from "./answer.js";
import { cameras } from "./camera.js";
import { download, fileName } from "./download.js";
import { Encoder } from "./encoder.js";
import { takeFiles } from "./intake.js";
import { Live } from "./live.js";
import * as messages from "./messages.js";
import { describeModel, waitForModel } from "./model.js";
import { Notices } from "./notices.js";
import { byId } from "./page.js";
import { askAboutPhoto } from "./photo.js";
import { Results } from "./results.js";
import { listKeys, listenForKeys } from "./shortcuts.js";
import { snapshot } from "./snapshot.js";
import { NotShown, Sources } from "./sources.js";
import { Stage } from "./stage.js";
import { showState } from "./status.js";
import { Stream } from "./stream.js";
import { toCsv, toJson } from "./table-files.js";
import { Token } from "./token.js";

const FRAME_LONGEST_PX = 640;
const FRAME_QUALITY = 0.8;

const notices = new Notices();
const token = new Token(tokenIsAccepted);
const stage = new Stage();
const sources = new Sources(stage, leave);
const encoder = new Encoder({ longest_px: FRAME_LONGEST_PX, quality: FRAME_QUALITY });
const stream = new Stream({
  address: streamAddress,
  protocols: () => (token.value ? ["mien", `bearer.${token.value}`] : ["mien"]),
  onState: streamChanged,
  onHello: () => live.take(),
  onAnswer: answered,
});
const live = new Live(stage.video, stream, encoder);

/** @type {import("./model.js").Model} */
let model;
/** @type {Results} */
let results;
let source = "";
let mirrorCamera = true;
/** Numbers of tracks begin at 1 with each connection; the page's go on. */
let numbers = { offset: 0, highest: 0 };
let photoAsked = new AbortController();
/** What is being opened; a later choice gives it up. */
let opening = new AbortController();

const modelIsKnown = waitForModel(() => notices.show("server", messages.serverAway())).then((facts) => {
  model = facts;
  describeModel(model);
  results = new Results(stage, model.emotions);
  notices.clear("server");
  showState("ready");
});

/* Sources. */

/** Something was chosen: whatever was being opened before is given up, so that the last choice wins. */
function choose() {
  opening.abort();
  opening = new AbortController();
  token.cancel();
  waitingForCamera(false);
  byId("opening").hidden = true;
  notices.clear("source");
  return opening.signal;
}

/** @param {string} [device] */
async function startCamera(device) {
  const signal = choose();
  if (!sources.cameraIsPossible) {
    notices.show("source", messages.insecureOrigin());
    return;
  }
  if (!(await mayAsk()) || signal.aborted) return;
  const moveFocus = keepFocus();
  waitingForCamera(true);
  try {
    beginLive(await sources.camera({ device, signal, onEnded: cameraEnded }));
    moveFocus();
    setMirrored(mirrorCamera);
    await listCameras();
  } catch (error) {
    if (!signal.aborted) notices.show("source", messages.cameraFailed(error));
  } finally {
    if (!signal.aborted) waitingForCamera(false);
  }
}

/** The browser may ask for permission first. @param {boolean} waiting */
function waitingForCamera(waiting) {
  byId("start-camera-text").textContent = waiting ? "Waiting for the camera … Cancel" : "Start camera";
  for (const id of ["start-camera", "camera"]) byId(id).toggleAttribute("data-waiting", waiting);
}

function cameraEnded() {
  stop();
  notices.show("source", messages.cameraEnded());
}

/** @param {File[]} files */
async function takeFile([file, ...others]) {
  const signal = choose();
  byId("opening").hidden = false; // at once: a large photo takes a moment
  if (others.length) notices.show("source", messages.onlyOne(others.length + 1, file.name));
  const may = await mayAsk();
  if (signal.aborted) return;
  const [first, second] = file.type.startsWith("video/") ? [showVideo, showPhoto] : [showPhoto, showVideo];
  const moveFocus = keepFocus();
  try {
    if (may) await first(file, signal).catch((error) => (error instanceof NotShown ? second(file, signal) : Promise.reject(error)));
    if (may) moveFocus();
  } catch (error) {
    if (signal.aborted) return;
    notices.show("source", error instanceof NotShown ? messages.notAPicture(file.name) : messages.serverFailed(error));
  } finally {
    if (!signal.aborted) byId("opening").hidden = true;
  }
}

/** @param {File} file @param {AbortSignal} signal */
async function showVideo(file, signal) {
  beginLive(await sources.video(file, signal));
  setMirrored(false);
}

/** @param {File} file @param {AbortSignal} signal */
async function showPhoto(file, signal) {
  const name = await sources.photo(file, signal);
  begin(name);
  byId("opening").hidden = true;
  setMirrored(false);
  photoAsked = new AbortController();
  void answerPhoto(file, name, photoAsked.signal);
}

/**
 * @param {File} file
 * @param {string} name
 * @param {AbortSignal} signal
 */
async function answerPhoto(file, name, signal) {
  stage.veil = "Looking …";
  results.drop({ expected: true });
  try {
    const largest_bytes = model.limits.max_body_bytes;
    const said = await askAboutPhoto(file, stage.photo, { largest_bytes, token: token.value, signal });
    if (signal.aborted) return;
    const analysed = { width: said.width_px, height: said.height_px };
    results.photo(facesOf(said, model.emotions), {
      picture: stage.photo,
      analysed,
      source: name,
      leftOut: said.faces_left_out,
    });
    stage.veil = said.faces.length ? "" : "No face found";
    showState("ready");
  } catch (error) {
    if (signal.aborted) return;
    stage.veil = "";
    results.drop({ expected: false });
    const again = () => void answerPhoto(file, name, signal);
    if (error instanceof ServerError && error.status === 401) {
      if (await token.ask({ refused: token.value !== null })) again();
    } else {
      if (error instanceof ServerError && error.status === 0) showState("lost", "The server does not answer");
      notices.show("source", messages.serverFailed(error), { label: "Try again", act: again });
    }
  }
}

/** Whether the server is known, and the token where it asks for one. */
async function mayAsk() {
  await modelIsKnown;
  return !model.token_required || token.value !== null || (await token.ask()) !== null;
}

/* From one source to the next. */

/** Let go of what belongs to the source that was shown. */
function leave() {
  photoAsked.abort();
  live.stop();
  stream.close();
}

/** @param {string} name */
function beginLive(name) {
  begin(name);
  numbers = { offset: 0, highest: 0 };
  smoothingChanged();
  stream.open();
  live.start();
}

/** @param {string} name */
function begin(name) {
  const kind = stage.kind;
  const isLive = kind !== "photo";
  source = name;
  results.begin({ live: isLive });
  document.title = `${name} – mien`;
  byId("pause").hidden = !isLive;
  byId("adjust").hidden = !isLive;
  byId("scrub-row").hidden = kind !== "video";
  byId("camera-row").hidden = true;
  byId("camera").hidden = kind === "camera"; // Stop is the way back
  byId("stop-text").textContent = kind === "camera" ? "Stop" : "Close";
  showPaused(false);
  byId("toolbar").hidden = false;
}

/** Hidden buttons lose the keyboard's focus; what takes their place gets it. */
function keepFocus() {
  const wasInvited = byId("invitation").contains(document.activeElement);
  return () => {
    if (wasInvited) byId(stage.kind === "photo" ? "mirror" : "pause").focus({ preventScroll: true });
  };
}

/** Close whatever is shown. */
function stop() {
  choose();
  if (!isShown()) return;
  const hadFocus = byId("toolbar").contains(document.activeElement);
  sources.close();
  results.end();
  for (const id of ["toolbar", "adjust"]) byId(id).hidden = true;
  document.title = "mien";
  showState("ready");
  if (hadFocus) byId("start-camera").focus({ preventScroll: true });
}

/* The stream. */

function streamAddress() {
  const address = addressOf("v1/stream");
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  return address;
}

/**
 * @param {import("./stream.js").StreamState} state
 * @param {{busy?: boolean, reason?: string}} facts
 */
function streamChanged(state, { busy = false, reason = "" }) {
  if (state === "closed") return;
  showState(state, busy ? "The server is busy, trying again" : undefined);
  if (state === "open") {
    numbers.offset = numbers.highest;
    stage.veil = stage.video.paused ? "Paused" : "";
  }
  if (state === "lost" || state === "refused") results.drop({ expected: state === "lost" });
  if (state === "lost") stage.veil = busy ? "The server is busy. Trying again …" : "Connection lost. Trying again …";
  if (state === "refused") void streamRefused(reason);
}

/** @param {string} reason  As the server or the browser has it. */
async function streamRefused(reason) {
  stage.veil = "";
  if (reason !== "token_refused") notices.show("source", messages.streamRefused(reason));
  else if (await token.ask({ refused: token.value !== null })) stream.open();
}

/**
 * @param {any} told
 * @param {import("./stream.js").Sent} sent
 */
function answered(told, sent) {
  live.take();
  if (told.error) {
    notices.show("frame", { title: told.error.message, body: told.error.hint ?? "" });
    return;
  }
  const { prediction, tracks } = told;
  const faces = facesOf(prediction, model.emotions, { tracks, offset: numbers.offset });
  numbers.highest = Math.max(numbers.highest, ...faces.map((face) => face.number));
  results.live(faces, {
    picture: sent.frame.still,
    analysed: { width: prediction.width_px, height: prediction.height_px },
    leftOut: prediction.faces_left_out,
    taken_ms: sent.sent_ms,
    source,
    media_seconds: stage.kind === "video" ? sent.frame.media_seconds : null,
  });
}

/* Controls. */

function isShown() {
  return !byId("toolbar").hidden;
}

function togglePause() {
  if (!isShown() || stage.kind === "photo") return;
  if (stage.video.paused) void stage.video.play();
  else stage.video.pause();
}

/** @param {boolean} paused */
function showPaused(paused) {
  const ended = stage.kind === "video" && stage.video.ended;
  const words = ended ? "Play again" : paused ? "Resume" : "Pause";
  const button = byId("pause");
  /** @type {HTMLElement} */ (button.querySelector("span")).textContent = words;
  button.querySelector("use")?.setAttribute("href", paused ? "#i-play" : "#i-pause");
  if (stream.state === "open") stage.veil = paused && !ended ? "Paused" : "";
  if (results) results.running = !paused;
}

/** @param {boolean} mirrored */
function setMirrored(mirrored) {
  stage.mirrored = mirrored;
  byId("mirror").setAttribute("aria-pressed", String(mirrored));
}

function toggleMirror() {
  if (!isShown()) return;
  setMirrored(!stage.mirrored);
  if (stage.kind === "camera") mirrorCamera = stage.mirrored;
}

async function saveSnapshot() {
  const last = isShown() && results.last;
  if (!last) return;
  download(await snapshot(last.picture, last.faces, { mirrored: stage.mirrored, analysed: last.analysed }), fileName("png"));
  results.say("Snapshot saved.");
}

function saveCsv() {
  if (!results?.record.rows.length) return;
  download(new Blob([toCsv(results.record.rows, model.emotions)], { type: "text/csv" }), fileName("csv"));
  results.say("Table saved as CSV.");
}

function saveJson() {
  if (!results?.record.rows.length) return;
  const facts = {
    mien: model.version,
    model: model.name,
    detector: model.detector,
    uncertain_below: model.uncertain_below,
    steadying_seconds: smoothing_seconds(),
    oldest_rows_lost: results.record.lost,
  };
  const text = toJson(results.record.rows, { emotions: model.emotions, facts });
  download(new Blob([text], { type: "application/json" }), fileName("json"));
  results.say("Table saved as JSON.");
}

function smoothing_seconds() {
  return Number(/** @type {HTMLSelectElement} */ (byId("smoothing")).value);
}

function smoothingChanged() {
  stream.configure({ smoothing_s: smoothing_seconds() });
}

async function listCameras() {
  const found = await cameras();
  const select = /** @type {HTMLSelectElement} */ (byId("cameras"));
  select.replaceChildren(...found.map(({ id, name }) => new Option(name, id, false, id === sources.device)));
  byId("camera-row").hidden = found.length < 2;
}

function showScrub() {
  const { currentTime, duration } = stage.video;
  const scrub = /** @type {HTMLInputElement} */ (byId("scrub"));
  if (stage.kind !== "video" || !Number.isFinite(duration)) return;
  scrub.max = String(duration);
  if (document.activeElement !== scrub || !scrub.matches(":active")) scrub.value = String(currentTime);
  const time = (/** @type {number} */ seconds) =>
    `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const words = `${time(currentTime)} of ${time(duration)}`;
  byId("scrub-time").textContent = words;
  scrub.setAttribute("aria-valuetext", words);
}

function showHelp() {
  /** @type {HTMLDialogElement} */ (byId("help-dialog")).showModal();
}

function escape() {
  if (!notices.clearNewest()) stop();
}

/** @param {string} id @param {() => void} act */
function onClick(id, act) {
  byId(id).addEventListener("click", act);
}

const files = takeFiles((found) => void takeFile(found));
const isWaitingForCamera = () => byId("camera").hasAttribute("data-waiting");
const startOrCancelCamera = () => (isWaitingForCamera() ? void choose() : void startCamera());
const startOrStopCamera = () => (stage.kind === "camera" && !isWaitingForCamera() ? stop() : startOrCancelCamera());

/** @type {import("./shortcuts.js").Shortcut[]} */
const SHORTCUTS = [
  { key: "c", label: "C", does: "Start or stop the camera", act: startOrStopCamera },
  { key: "o", label: "O", does: "Open a photo or video", act: files.choose },
  { key: "p", label: "P", does: "Pause and resume", act: togglePause },
  { key: "m", label: "M", does: "Mirror the picture", act: toggleMirror },
  { key: "s", label: "S", does: "Save a snapshot with boxes", act: () => void saveSnapshot() },
  { key: "d", label: "D", does: "Save the session’s table as CSV", act: saveCsv },
  { key: "j", label: "J", does: "Save it as JSON", act: saveJson },
  { key: "?", label: "?", does: "Show these keys", act: showHelp },
  { key: "escape", label: "Esc", does: "Close a message, else the picture", act: escape },
];
const letters = /** @type {HTMLInputElement} */ (byId("letters"));
listKeys(byId("keys"), SHORTCUTS);
listenForKeys(SHORTCUTS, { lettersAllowed: () => letters.checked });

onClick("start-camera", startOrCancelCamera);
onClick("camera", startOrCancelCamera);
onClick("open-file", files.choose);
onClick("open-other", files.choose);
onClick("pause", togglePause);
onClick("mirror", toggleMirror);
onClick("snapshot", () => void saveSnapshot());
onClick("stop", stop);
onClick("save-csv", saveCsv);
onClick("save-json", saveJson);
onClick("clear", () => results.forget());
onClick("help", showHelp);
onClick("help-close", () => /** @type {HTMLDialogElement} */ (byId("help-dialog")).close());
byId("smoothing").addEventListener("change", smoothingChanged);
byId("cameras").addEventListener("change", (event) => {
  void startCamera(/** @type {HTMLSelectElement} */ (event.target).value);
});
byId("scrub").addEventListener("input", (event) => {
  stage.video.currentTime = Number(/** @type {HTMLInputElement} */ (event.target).value);
});
stage.video.addEventListener("timeupdate", showScrub);
stage.video.addEventListener("durationchange", showScrub);
for (const event of ["play", "pause", "ended"]) {
  stage.video.addEventListener(event, () => {
    if (isShown()) showPaused(stage.video.paused);
  });
}
window.addEventListener("online", () => {
  if (stream.state === "lost") stream.open();
});
for (const place of document.querySelectorAll(".server-name")) place.textContent = location.host;
