/** What becomes of an answer: boxes, cards, timeline, table, rate, and words for those who listen. */
import { Announcer } from "./announcer.js";
import { byId, setText } from "./page.js";
import { FacesPanel } from "./faces-panel.js";
import { atMost, Rate } from "./timing.js";
import { Record } from "./record.js";
import { MOST_LANES, TimelineChart } from "./timeline-chart.js";
import { SPAN_SECONDS, Timeline } from "./timeline.js";

/** @typedef {import("./answer.js").FaceAnswer} FaceAnswer */
/** @typedef {import("./geometry.js").Size} Size */

/** Numbers that change faster cannot be read. */
const CARDS_PER_SECOND = 8;
const CHART_PER_SECOND = 5;
/** Boxes of a frame older than this say nothing about what is seen now. */
const STALE_MS = 2000;
/** The chart's description is for reading on request, not for listening to changes. */
const DESCRIBE_EVERY_MS = 5000;

export class Results {
  record = new Record();
  #stage;
  #panel;
  #chart;
  #timeline = new Timeline();
  #rate = new Rate();
  #announcer = new Announcer();
  #described_ms = -Infinity;
  #last_seconds = 0;
  #running = false;
  /** @type {number | null} */
  #clip_seconds = null;
  /** @type {number | null} */
  #selected = null;
  /** Whether the newest answer still says something about what is seen. */
  #current = false;
  #shown_ms = -Infinity;
  /** @type {{picture: ImageBitmap | HTMLImageElement, faces: FaceAnswer[], analysed: Size} | null} */
  last = null;

  /**
   * @param {import("./stage.js").Stage} stage
   * @param {string[]} emotions
   */
  constructor(stage, emotions) {
    this.#stage = stage;
    this.#panel = new FacesPanel(emotions, {
      mark: (number) => stage.mark(number),
      select: (number) => this.select(number),
    });
    this.#chart = new TimelineChart(/** @type {HTMLCanvasElement} */ (byId("chart")), emotions);
    setInterval(() => this.#tick(), 1000 / CHART_PER_SECOND);
    byId("chart").addEventListener("click", (event) => {
      if (this.#clip_seconds !== null) stage.video.currentTime = this.#chart.secondsAt(event.offsetX);
    });
    new ResizeObserver(() => this.#drawChart()).observe(byId("chart"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#drawChart());
  }

  /** A new source. @param {{live: boolean, clip_seconds?: number | null}} options  The length of a clip that has one. */
  begin({ live, clip_seconds = null }) {
    this.last = null;
    this.#clip_seconds = clip_seconds;
    this.select(null);
    this.#running = live;
    this.#rate.clear();
    this.#timeline.begin(clip_seconds);
    setText(byId("timeline-title"), clip_seconds === null ? "The last minute" : "Over the clip");
    byId("chart").toggleAttribute("data-clip", clip_seconds !== null);
    this.#announcer.reset();
    this.#current = false;
    this.#panel.clear("skeleton");
    byId("timeline").hidden = !live;
    byId("rate").hidden = !live;
    byId("session").hidden = false;
    /** @type {HTMLButtonElement} */ (byId("snapshot")).disabled = true;
    this.#showRows();
    if (live) this.#drawChart();
  }

  /**
   * One face stands out in the picture and in the list; again, and none does.
   *
   * @param {number | null} number
   * @param {{reveal?: boolean}} [options]  Whether to bring its card into sight.
   */
  select(number, options) {
    this.#selected = number === this.#selected ? null : number;
    this.#stage.select(this.#selected);
    this.#panel.select(this.#selected, options);
  }

  /** The picture stands still, or goes on. */
  set running(/** @type {boolean} */ running) {
    this.#running = running;
    if (!running) this.#rate.clear();
  }

  /**
   * Faces of a live frame, which is shown with them: the running picture is ahead of its answers, and a face that
   * moves would have left its box.
   *
   * @param {FaceAnswer[]} faces
   * @param {{picture: ImageBitmap, analysed: Size, taken_ms: number, source: string, media_seconds: number | null,
   *     leftOut: number}} facts
   */
  live(faces, { picture, analysed, taken_ms, source, media_seconds, leftOut }) {
    const now_ms = performance.now();
    this.#rate.add(now_ms, now_ms - taken_ms);
    this.#last_seconds = taken_ms / 1000;
    this.#timeline.add(this.#clip_seconds === null ? this.#last_seconds : (media_seconds ?? 0), faces);
    this.record.add(faces, { source, at_ms: Date.now(), media_seconds });
    this.#announcer.live(faces, now_ms);
    this.#shown_ms = now_ms;
    this.#current = true;
    this.#remember(faces, { picture, analysed });
    this.#stage.setFaces(faces, analysed, picture);
    this.#showCards(faces, { leftOut, picture, analysed });
  }

  /**
   * Faces of a photo, which may have been shown before.
   *
   * @param {FaceAnswer[]} faces
   * @param {{picture: HTMLImageElement, analysed: Size, leftOut: number}} facts
   */
  photo(faces, { picture, analysed, leftOut }) {
    this.#announcer.photo(faces);
    this.#remember(faces, { picture, analysed });
    this.#stage.setFaces(faces, analysed);
    this.#panel.show(faces, { leftOut, picture, analysed });
    this.#showRows();
  }

  /**
   * The newest answer no longer says anything about what is seen: boxes and cards go.
   *
   * @param {{expected: boolean}} options  Whether another answer is on its way.
   */
  drop({ expected }) {
    this.#current = false;
    this.#rate.clear();
    this.#stage.setFaces([], null);
    this.#panel.clear(expected ? "skeleton" : "no-answer");
  }

  /** Empty the table and the timeline. */
  forget() {
    this.record.clear();
    this.#timeline.begin(this.#clip_seconds);
    this.#showRows();
    this.#drawChart();
  }

  /** No source any more. */
  end() {
    this.begin({ live: false });
    this.#panel.clear("example");
    byId("session").hidden = this.record.rows.length === 0;
  }

  /** @param {string} text */
  say(text) {
    this.#announcer.say(text);
  }

  /**
   * @param {FaceAnswer[]} faces
   * @param {{picture: ImageBitmap | HTMLImageElement, analysed: Size}} facts
   */
  #remember(faces, { picture, analysed }) {
    this.last = { picture, faces, analysed };
    /** @type {HTMLButtonElement} */ (byId("snapshot")).disabled = false;
  }

  #showCards = atMost(CARDS_PER_SECOND, (/** @type {FaceAnswer[]} */ faces, /** @type {Parameters<FacesPanel["show"]>[1]} */ facts) => {
    // A trailing call may come after the source or the server is gone.
    if (this.#current) this.#panel.show(faces, facts);
  });

  #tick() {
    if (byId("timeline").hidden || document.hidden) return;
    const now_ms = performance.now();
    if (this.#running) this.#last_seconds = now_ms / 1000;
    if (this.#running && this.#current && now_ms - this.#shown_ms > STALE_MS) this.drop({ expected: true });
    if (this.#running || this.#clip_seconds !== null) this.#drawChart();
    setText(byId("rate-value"), this.#running ? this.#rate.perSecond(now_ms).toFixed(1) : "–");
    const latency_ms = this.#running ? this.#rate.latency_ms() : null;
    setText(byId("latency-value"), latency_ms === null ? "–" : latency_ms.toFixed(0));
    this.#showRows();
  }

  #drawChart() {
    const { lanes, hidden } = this.#timeline.lanes(MOST_LANES);
    const clip_seconds = this.#clip_seconds;
    this.#chart.draw(lanes, {
      from_seconds: clip_seconds === null ? this.#last_seconds - SPAN_SECONDS : 0,
      to_seconds: clip_seconds ?? this.#last_seconds,
      playhead_seconds: clip_seconds === null ? null : this.#stage.video.currentTime,
    });
    setText(byId("timeline-note"), hidden ? `the ${lanes.length} faces seen most, ${hidden} more not drawn` : "");
    const now_ms = performance.now();
    if (now_ms - this.#described_ms > DESCRIBE_EVERY_MS) {
      this.#described_ms = now_ms;
      byId("chart").setAttribute("aria-label", this.#chart.describe(lanes));
    }
  }

  /** Rows of what is not shown, as of a photo that waits for its turn. @param {FaceAnswer[]} faces @param {string} source */
  note(faces, source) {
    this.record.add(faces, { source, at_ms: Date.now() });
    this.#showRows();
  }

  #showRows() {
    const count = this.record.rows.length;
    setText(byId("rows"), count === 1 ? "1 row" : `${count.toLocaleString("en")} rows`);
    for (const id of ["save-csv", "save-json", "clear"]) {
      /** @type {HTMLButtonElement} */ (byId(id)).disabled = count === 0;
    }
  }
}
