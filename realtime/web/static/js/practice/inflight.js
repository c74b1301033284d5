/** Which camera frames may be sent: at most so many unanswered, the newest wins, the others are counted. Pure logic. */

import { SOCKET } from "../shared.js";

/** Accounting of frames on their way. Times are s of any clock that only goes forward. */
export class InFlight {
  /**
   * @param {object} [settings]
   * @param {number} [settings.most] frames that may be unanswered at a time
   * @param {number} [settings.patience] s after which an unanswered frame counts as settled
   * @param {number} [settings.rate] frames per s that the server takes
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
   * Whether a frame that came just now may go.
   * @param {number} now s
   */
  hasRoom(now) {
    for (const [seq, sent] of this.waiting) if (now - sent > this.patience) this.waiting.delete(seq);
    // A tenth of leeway: a camera at exactly the server's rate jitters around it.
    return this.waiting.size < this.most && now - this.lastSent >= 0.9 / this.rate;
  }

  /**
   * Frames that the camera gave and that do not go.
   * @param {number} [count]
   */
  leaveOut(count = 1) {
    this.skipped += Math.max(0, count);
  }

  /**
   * A frame goes: its number, and how many were left out before it.
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
   * A frame could not be made or sent after all; what it had counted is counted again.
   * @param {number} seq
   * @param {number} [skipped] that it would have told of
   */
  fail(seq, skipped = 0) {
    if (this.waiting.delete(seq)) this.skipped += skipped + 1;
  }

  /**
   * An answer for `seq` settles it and all before it.
   * @param {number} seq
   * @param {number} now s
   * @returns {number|null} s that this frame was on its way; null for one that is not waited for any more
   */
  settle(seq, now) {
    const sent = this.waiting.get(seq);
    for (const key of this.waiting.keys()) if (key <= seq) this.waiting.delete(key);
    return sent === undefined ? null : now - sent;
  }

  /** The connection broke: nothing is on its way. Numbers go on, as the session may. */
  reset() {
    this.skipped += this.waiting.size;
    this.waiting.clear();
  }
}
