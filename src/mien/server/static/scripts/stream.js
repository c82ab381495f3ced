/**
 * The connection that live frames go over. Never lets a backlog grow: at most two frames are under way, so that the
 * next one is always the newest. Connects again by itself when it is lost.
 *
 * @typedef {"closed" | "connecting" | "open" | "idle" | "lost" | "refused"} StreamState
 * @typedef {{sequence: number, sent_ms: number, frame: any}} Sent
 */
import { wait_ms } from "./timing.js";

/** Two: while one is analysed, the next one travels. */
const MOST_UNDER_WAY = 2;

/** A connection that answers nothing for this long is as good as lost. */
const LONGEST_SILENCE_MS = 15_000;

/** Close codes after which trying again would end the same: not this page or token, too large a frame. */
const CLOSED_FOR_GOOD = [1008, 1009];
const CLOSED_BUSY = 1013;
/** The reason that the server gives when nothing was sent for long, as while paused. */
const IDLE = "idle";

export class Stream {
  #address;
  #protocols;
  #on;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {StreamState} */
  #state = "closed";
  #count = 0;
  #attempt = 0;
  /** @type {Sent[]} */
  #underWay = [];
  #timer = 0;
  #watch = 0;
  #heard_ms = 0;
  /** @type {object | null} */
  #settings = null;

  /**
   * @param {object} options
   * @param {() => URL} options.address
   * @param {() => string[]} options.protocols
   * @param {(state: StreamState, facts: {busy?: boolean, reason?: string}) => void} options.onState
   * @param {(hello: any) => void} options.onHello
   * @param {(answer: any, sent: Sent) => void} options.onAnswer
   */
  constructor({ address, protocols, onState, onHello, onAnswer }) {
    this.#address = address;
    this.#protocols = protocols;
    this.#on = { state: onState, hello: onHello, answer: onAnswer };
  }

  get state() {
    return this.#state;
  }

  /** Whether a frame sent now would be taken at once. */
  get ready() {
    const socket = this.#socket;
    return this.#state === "open" && this.#underWay.length < MOST_UNDER_WAY && socket?.bufferedAmount === 0;
  }

  /** Connect, unless connected; at once, even while waiting to try again. */
  open() {
    if (this.#state === "open" || this.#state === "connecting") return;
    this.#attempt = 0;
    this.#connect();
  }

  /** Let go, and do not come back. */
  close() {
    this.#drop();
    this.#enter("closed");
  }

  /**
   * @param {Blob} blob  A picture.
   * @param {any} frame  What the caller wants back with its answer.
   * @param {number} taken_ms
   */
  send(blob, frame, taken_ms) {
    this.#socket?.send(blob);
    this.#underWay.push({ sequence: this.#count, sent_ms: taken_ms, frame });
    this.#count += 1;
  }

  /** Settings of this connection and of every later one. @param {object} settings */
  configure(settings) {
    this.#settings = settings;
    if (this.#state === "open") this.#socket?.send(JSON.stringify(settings));
  }

  #connect() {
    this.#drop();
    this.#enter("connecting");
    const socket = new WebSocket(this.#address(), this.#protocols());
    this.#socket = socket;
    this.#heard_ms = performance.now();
    socket.addEventListener("message", (event) => {
      if (socket !== this.#socket) return;
      this.#heard_ms = performance.now();
      const message = JSON.parse(event.data);
      if (message.hello) this.#greeted(message.hello);
      else this.#answered(message);
    });
    socket.addEventListener("close", (event) => {
      if (socket === this.#socket) this.#lost(event.code, event.reason);
    });
    this.#watch = window.setInterval(() => this.#listen(), 1000);
  }

  /** @param {any} hello */
  #greeted(hello) {
    this.#attempt = 0;
    this.#enter("open");
    if (this.#settings) this.#socket?.send(JSON.stringify(this.#settings));
    this.#on.hello(hello);
  }

  /** @param {any} message */
  #answered(message) {
    // Frames before this one were passed over by the server in favour of it.
    const sent = this.#underWay.find((one) => one.sequence === message.sequence);
    this.#underWay = this.#underWay.filter((one) => one.sequence > message.sequence);
    if (sent) this.#on.answer(message, sent);
  }

  /**
   * @param {number} code
   * @param {string} reason  In the server's words; may be empty.
   */
  #lost(code, reason) {
    this.#drop();
    if (reason === IDLE) {
      this.#enter("idle");
      return;
    }
    if (CLOSED_FOR_GOOD.includes(code)) {
      this.#enter("refused", { reason });
      return;
    }
    const delay_ms = wait_ms(this.#attempt);
    this.#attempt += 1;
    this.#enter("lost", { busy: code === CLOSED_BUSY });
    this.#timer = window.setTimeout(() => this.#connect(), delay_ms);
  }

  /** Give up a connection that is silent although it owes an answer or a greeting. */
  #listen() {
    const owes = this.#state === "connecting" || this.#underWay.length > 0;
    if (!owes) this.#heard_ms = performance.now();
    else if (performance.now() - this.#heard_ms > LONGEST_SILENCE_MS) this.#lost(0, "");
  }

  /** Forget the socket and all that belongs to it. */
  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    this.#underWay = [];
    this.#count = 0;
    socket?.close();
  }

  /**
   * @param {StreamState} state
   * @param {{busy?: boolean, reason?: string}} [facts]
   */
  #enter(state, facts = {}) {
    this.#state = state;
    this.#on.state(state, facts);
  }
}
