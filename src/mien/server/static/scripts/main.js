/** Joins the parts: buttons and keys to sources, sources to the server, answers to the page. */
import { addressOf, predictMany, ServerError, tokenIsAccepted } from "./api.js";
import { facesOf } from "./answer.js";
import { cameras, NotShown, Sources } from "./sources.js";
import { byId, download, fileName, showState } from "./page.js";
import { Encoder } from "./encoder.js";
import { listenForFiles } from "./intake.js";
import { Live } from "./live.js";
import * as messages from "./messages.js";
import { describeModel, waitForModel } from "./model.js";
import { Notices } from "./notices.js";
import { askAboutPhoto, isSentAsItIs } from "./photo.js";
import { Results } from "./results.js";
import { listenForKeys, listKeys } from "./shortcuts.js";
import { snapshot } from "./snapshot.js";
import { Settings } from "./settings.js";
import { Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { Stream } from "./stream.js";
import { clock } from "./timeline-chart.js";
import { toCsv, toJson } from "./table-files.js";
import { Token } from "./token.js";

const FRAME_LONGEST_PX = 640;
const FRAME_QUALITY = 0.8;
/** More files than this are for the command line. */
const MOST_FILES = 100;
/** Of several photos, so that the first have theirs soon. */
const FILES_AT_ONCE = 8;

const notices = new Notices();
const token = new Token(tokenIsAccepted);
const stage = new Stage((number) => results?.select(number, { reveal: true }));
const sources = new Sources(stage, leave);
const encoder = new Encoder({ longest_px: FRAME_LONGEST_PX, quality: FRAME_QUALITY });
const stream = new Stream({
  address: streamAddress,
  protocols: () => (token.value ? ["mien", `bearer.${token.value}`] : ["mien"]),
  onState: streamChanged,
  onHello: () => live.take(),
  onAnswer: answered,
});
const strip = new Strip((item) => void show(item));
const settings = new Settings(() => {
  stage.labels = settings.labels;
  showPrediction();
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
let aheadAsked = new AbortController();
/** The photo on the stage. @type {import("./strip.js").Item | null} */
let shown = null;
/** What is being opened; a later choice gives it up. */
let opening = new AbortController();

const modelIsKnown = waitForModel(() => notices.show("server", messages.serverAway())).then((facts) => {
  model = facts;
  describeModel(model);
  results = new Results(stage, model.emotions);
  settings.begin(model.uncertain_below);
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
    strip.mark(null);
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
async function takeFiles(files) {
  const signal = choose();
  byId("opening").hidden = false; // at once: a large photo takes a moment
  const may = await mayAsk();
  if (signal.aborted) return;
  byId("opening").hidden = !may;
  if (!may) return;
  const taken = files.slice(0, MOST_FILES).map((file) => ({ file, name: sources.named(file.name), said: null }));
  if (files.length > MOST_FILES) notices.show("files", messages.tooMany(files.length, MOST_FILES));
  if (!(await show(taken[0])) && taken.length === 1) return;
  strip.set(taken);
  strip.mark(stage.kind === "none" ? null : taken[0]);
  aheadAsked.abort();
  aheadAsked = new AbortController();
  await askAhead(taken.slice(1), aheadAsked.signal);
}

/**
 * Show a file that was taken.
 *
 * @param {import("./strip.js").Item} item
 * @returns {Promise<boolean>}  Whether the browser shows it.
 */
async function show(item) {
  const signal = choose();
  byId("opening").hidden = false;
  const ways = item.file.type.startsWith("video/") ? [showVideo, showPhoto] : [showPhoto, showVideo];
  const moveFocus = keepFocus();
  try {
    await ways[0](item, signal).catch((error) => (error instanceof NotShown ? ways[1](item, signal) : Promise.reject(error)));
    strip.mark(item);
    moveFocus();
    return true;
  } catch (error) {
    const words = error instanceof NotShown ? messages.notAPicture(item.file.name) : messages.serverFailed(error);
    if (!signal.aborted) notices.show("source", words);
    return false;
  } finally {
    if (!signal.aborted) byId("opening").hidden = true;
  }
}

/** @param {import("./strip.js").Item} item @param {AbortSignal} signal */
async function showVideo(item, signal) {
  await sources.video(item.file, signal);
  beginLive(item.name);
  setMirrored(false);
}

/** @param {import("./strip.js").Item} item @param {AbortSignal} signal */
async function showPhoto(item, signal) {
  await sources.photo(item.file, signal);
  begin(item.name);
  setMirrored(false);
  shown = item;
  photoAsked = new AbortController();
  if (item.said) showPrediction();
  else void answerPhoto(item, photoAsked.signal);
}

/**
 * @param {import("./strip.js").Item} item
 * @param {AbortSignal} signal
 */
async function answerPhoto(item, signal) {
  stage.veil = "Looking …";
  results.drop({ expected: true });
  try {
    const largest_bytes = model.limits.max_body_bytes;
    const said = await askAboutPhoto(item.file, stage.photo, { largest_bytes, token: token.value, signal });
    if (signal.aborted) return;
    keep(item, said);
    showPrediction();
    showState("ready");
  } catch (error) {
    if (signal.aborted) return;
    stage.veil = "";
    results.drop({ expected: false });
    const again = () => void answerPhoto(item, signal);
    if (error instanceof ServerError && error.status === 401) {
      if (await token.ask({ refused: token.value !== null })) again();
    } else {
      if (error instanceof ServerError && error.status === 0) showState("lost", "The server does not answer");
      notices.show("source", messages.serverFailed(error), { label: "Try again", act: again });
    }
  }
}

/**
 * Photos that wait for their turn to be shown, a few at a time; what fails here is asked again when it is shown.
 *
 * @param {import("./strip.js").Item[]} waiting
 * @param {AbortSignal} signal
 */
async function askAhead(waiting, signal) {
  const { max_body_bytes, max_files } = model.limits;
  const most = Math.min(FILES_AT_ONCE, max_files);
  const sent = waiting.filter(({ file }) => isSentAsItIs(file, max_body_bytes / most));
  for (let first = 0; first < sent.length; first += most) {
    const some = sent.slice(first, first + most).filter((item) => !item.said);
    if (!some.length) continue;
    try {
      const said = await predictMany(some.map(({ file }) => file), { token: token.value, signal });
      some.forEach((item, position) => {
        if (said[position].prediction && !item.said) keep(item, said[position].prediction);
      });
    } catch {
      return;
    }
  }
}

/** Keep what was said, in the table as well. @param {import("./strip.js").Item} item @param {any} said */
function keep(item, said) {
  item.said = said;
  strip.tell(item);
  results.note(settings.apply(facesOf(said, model.emotions)), item.name);
}

/** The photo's faces, as the settings want them. */
function showPrediction() {
  const said = shown?.said;
  if (!said || stage.kind !== "photo") return;
  const faces = settings.apply(facesOf(said, model.emotions));
  const analysed = { width: said.width_px, height: said.height_px };
  results.photo(faces, { picture: stage.photo, analysed, leftOut: said.faces_left_out });
  stage.veil = faces.length ? "" : "No face found";
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
  const { duration } = stage.video;
  shown = null;
  source = name;
  results.begin({ live: isLive, clip_seconds: kind === "video" && Number.isFinite(duration) ? duration : null });
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
  if (stage.kind !== "camera") {
    aheadAsked.abort();
    strip.set([]);
  }
  shown = null;
  sources.close();
  strip.mark(null);
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
 * @param {any} message
 * @param {import("./stream.js").Sent} sent
 */
function answered(message, sent) {
  live.take();
  if (message.error) {
    notices.show("frame", { title: message.error.message, body: message.error.hint ?? "" });
    return;
  }
  const { prediction, tracks } = message;
  const all = facesOf(prediction, model.emotions, { tracks, offset: numbers.offset });
  numbers.highest = Math.max(numbers.highest, ...all.map((face) => face.number));
  const faces = settings.apply(all);
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
    uncertain_below: settings.uncertain_below,
    smallest_face_px: settings.smallest_px,
    smoothing_seconds: smoothing_seconds(),
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
  const words = `${clock(currentTime)} of ${clock(duration)}`;
  byId("scrub-time").textContent = words;
  scrub.setAttribute("aria-valuetext", words);
}

/** @param {string} id */
function openDialog(id) {
  /** @type {HTMLDialogElement} */ (byId(id)).showModal();
}

const showHelp = () => openDialog("help-dialog");

function escape() {
  if (!notices.clearNewest()) stop();
}

/** @param {string} id @param {() => void} act */
function onClick(id, act) {
  byId(id).addEventListener("click", act);
}

const files = listenForFiles((found) => void takeFiles(found));
const isWaitingForCamera = () => byId("camera").hasAttribute("data-waiting");
const startOrCancelCamera = () => (isWaitingForCamera() ? void choose() : void startCamera());
const startOrStopCamera = () => (stage.kind === "camera" && !isWaitingForCamera() ? stop() : startOrCancelCamera());

/** @type {import("./shortcuts.js").Shortcut[]} */
const SHORTCUTS = [
  { key: "c", label: "C", does: "Start or stop the camera", act: startOrStopCamera },
  { key: "o", label: "O", does: "Open photos or a video", act: files.choose },
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
onClick("settings", () => openDialog("settings-dialog"));
for (const id of ["help", "settings"]) onClick(`${id}-close`, () => /** @type {HTMLDialogElement} */ (byId(`${id}-dialog`)).close());
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
