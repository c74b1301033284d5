/** The practice socket: connects, detects a dead connection, reconnects to the same session, and finally gives up. */

import { closeMeaning, readMessage } from "./protocol.js";

/** s between two attempts, longer each time. */
const WAITS = Object.freeze([0.3, 0.6, 1.2, 2.4, 4]);
/** s of attempts after which the server counts as gone. */
export const GIVE_UP_AFTER = 60;
/** s of silence after which the server is pinged, and after which the connection counts as dead. */
const ASK_AFTER = 2;
const DEAD_AFTER = 6;
/** s for which a connected server may load its models before its first message. */
const SLOW_START = 60;

/**
 * s until the next attempt.
 * @param {number} tries attempts so far, in a row
 */
export function waitBefore(tries) {
  return WAITS[Math.min(Math.max(tries, 0), WAITS.length - 1)];
}

/**
 * Events: "message" (detail: the parsed message), "up" (connected), "down" (detail: {words}; it reconnects),
 * "over" (detail: {words, code}; it does not).
 */
export class Connection extends EventTarget {
  /** @param {string} path of the socket on this server */
  constructor(path) {
    super();
    this.path = path;
    /** @type {WebSocket|null} */
    this.socket = null;
    this.session = "";
    this.tries = 0;
    this.reconnects = 0;
    /** @type {number|null} ms, performance.now() */
    this.downSince = null;
    this.heard = 0;
    this.welcomed = false;
    this.pings = 0;
    this.closed = true;
    /** @type {string|null} the server's last error message */
    this.trouble = null;
    /** @type {number|undefined} */
    this.timer = undefined;
    window.setInterval(() => this.watch(), 1000);
    window.addEventListener("online", () => this.hurry());
  }

  /** Whether messages can be sent. */
  get up() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Bytes that wait to be sent. */
  get backlog() {
    return this.socket?.bufferedAmount ?? 0;
  }

  /** Connect, and stay connected. */
  open() {
    this.closed = false;
    this.tries = 0;
    this.downSince = null;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    this.drop();
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const resume = this.session ? `?resume=${encodeURIComponent(this.session)}` : "";
    const socket = new WebSocket(`${scheme}//${location.host}${this.path}${resume}`);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    this.heard = performance.now();
    this.welcomed = false;
    socket.addEventListener("message", ({ data }) => {
      if (socket === this.socket) this.receive(data);
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket === this.socket) this.broke(code);
    });
  }

  /** Close a socket and ignore its further events. */
  drop() {
    const { socket } = this;
    this.socket = null;
    socket?.close();
  }

  /** @param {unknown} data */
  receive(data) {
    this.heard = performance.now();
    const message = readMessage(data);
    if (!message) return;
    if (message.type === "welcome") {
      if (this.downSince !== null) this.reconnects += 1;
      this.session = message.session;
      this.welcomed = true;
      this.tries = 0;
      this.downSince = null;
      this.trouble = null;
    } else if (message.type === "error") {
      this.trouble = message.message;
    } else if (message.type === "ended") {
      this.closed = true;
      this.session = "";
    }
    this.dispatchEvent(new CustomEvent("message", { detail: message }));
    if (message.type === "welcome") this.dispatchEvent(new Event("up"));
  }

  /** @param {number} code */
  broke(code) {
    this.socket = null;
    if (this.closed) return;
    const { words, again } = closeMeaning(code);
    this.downSince ??= performance.now();
    if (!again || performance.now() - this.downSince > 1000 * GIVE_UP_AFTER) {
      this.closed = true;
      this.session = "";
      const gone = "PoseSync cannot be reached any more. Start posesync serve again and open the address it prints.";
      const detail = { words: again ? gone : (this.trouble ?? words), code };
      this.dispatchEvent(new CustomEvent("over", { detail }));
      return;
    }
    const wait = waitBefore(this.tries);
    this.tries += 1;
    this.timer = window.setTimeout(() => this.connect(), 1000 * wait);
    this.dispatchEvent(new CustomEvent("down", { detail: { words, tries: this.tries } }));
  }

  /** Reconnect at once, because the network is back. */
  hurry() {
    if (!this.closed && !this.up) this.connect();
  }

  /** Ping a silent server, and drop a connection that stays silent: it can be dead without a close event. */
  watch() {
    if (this.closed || !this.socket) return;
    const silent = (performance.now() - this.heard) / 1000;
    const patience = this.up && !this.welcomed ? SLOW_START : DEAD_AFTER;
    if (silent > patience && document.visibilityState === "visible") {
      this.drop();
      this.broke(1006);
    } else if (silent > ASK_AFTER && this.up) {
      this.pings += 1;
      this.say({ type: "ping", id: this.pings });
    }
  }

  /**
   * @param {object} command
   * @returns {boolean} whether it was sent
   */
  say(command) {
    if (!this.up) return false;
    this.socket?.send(JSON.stringify(command));
    return true;
  }

  /**
   * @param {ArrayBuffer} message
   * @returns {boolean} whether it was sent
   */
  send(message) {
    if (!this.up) return false;
    this.socket?.send(message);
    return true;
  }
}
