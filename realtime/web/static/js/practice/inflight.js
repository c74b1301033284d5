/** Decides which camera frames are sent: few unanswered at a time, the newest first, the others counted. Pure logic. */

import { SOCKET } from "../shared.js";

/** Keeps track of unanswered frames. Times are s of any clock that only goes forward. */
export class InFlight {
  /**
   * @param {object} [settings]
   * @param {number} [settings.most] frames that may be unanswered at a time
   * @param {number} [settings.patience] s after which an unanswered frame counts as settled
   * @param {number} [settings.rate] frames per s that the server accepts
   */
  constructor({ most = 2, patience = 1.5, rate = SOCKET.frames.rate } = {}) {
    this.most = most;
    this.patience = patience;
    this.rate = rate;
    /** @type {Map<number, number>} seq → s at which it left */
    this.waiting = new Map();
    this.seq = 0;
    this.skipped = 0;
    this.lastSent = -Infinity;
  }

  /**
   * Whether a frame that has just arrived may be sent.
   * @param {number} now s
   */
  hasRoom(now) {
    for (const [seq, sent] of this.waiting) if (now - sent > this.patience) this.waiting.delete(seq);
    // A tenth of leeway: a camera at exactly the server's rate jitters around it.
    return this.waiting.size < this.most && now - this.lastSent >= 0.9 / this.rate;
  }

  /**
   * Count frames of the camera that are not sent.
   * @param {number} [count]
   */
  leaveOut(count = 1) {
    this.skipped += Math.max(0, count);
  }

  /**
   * Record a frame as sent; return its number, and how many were left out before it.
   * @param {number} now s
   * @returns {{seq: number, skipped: number}}
   */
  send(now) {
    const { skipped } = this;
    this.skipped = 0;
    this.seq += 1;
    this.lastSent = now;
    this.waiting.set(this.seq, now);
    return { seq: this.seq, skipped };
  }

  /**
   * Record a frame that could not be made or sent; the frames left out before it count for the next one.
   * @param {number} seq
   * @param {number} [skipped] frames left out before it
   */
  fail(seq, skipped = 0) {
    if (this.waiting.delete(seq)) this.skipped += skipped + 1;
  }

  /**
   * Record an answer for `seq`, which settles it and all frames before it.
   * @param {number} seq
   * @param {number} now s
   * @returns {number|null} s from sending this frame to its answer; null for one no longer waited for
   */
  settle(seq, now) {
    const sent = this.waiting.get(seq);
    for (const key of this.waiting.keys()) if (key <= seq) this.waiting.delete(key);
    return sent === undefined ? null : now - sent;
  }

  /** Forget unanswered frames, because the connection broke. Numbers go on, because the session may. */
  reset() {
    this.skipped += this.waiting.size;
    this.waiting.clear();
  }
}
