/**
 * Makes the expert's video follow the performer: smoothly, by its rate; by a seek only where the performer jumped or
 * started again, or where no rate would get there soon, because a video cannot play backwards.
 *
 * Pure logic: no element, no clock; both are passed in. Times are s.
 */

/**
 * The video's present state.
 * @typedef {object} Playing
 * @property {number} time s, its currentTime
 * @property {boolean} paused
 * @property {boolean} seeking
 * @property {boolean} ended
 */

/**
 * What the video should do next.
 * @typedef {object} Aim
 * @property {boolean} playing whether it plays or stands still
 * @property {number} rate for its playbackRate; meaningful while playing
 * @property {number|null} seek s to go to, or null to stay
 * @property {number|null} target s where it should be now, or null while that is unknown
 */

export const DEFAULTS = Object.freeze({
  /** Rate per s of error: an error shrinks to a third in 1 / gain s. */
  gain: 2.2,
  /** s; a smaller error does not change the rate. */
  deadBand: 0.04,
  /** The highest rate that can still be watched. */
  fastest: 2.5,
  /** A lower rate counts as standing still: browsers refuse the lowest rates, and stutter just above. */
  slowest: 0.1,
  /** Steps of the rate: with sound, each change is heard. */
  step: 0.05,
  /** s between two changes of the rate, unless a change is large. */
  changeEvery: 0.12,
  /** s of error that only a seek corrects. */
  seekFrom: 0.75,
  /** s of error that a seek corrects if no rate does so within `soon` s and this has lasted for `lasting` s. */
  offFrom: 0.1,
  soon: 0.6,
  lasting: 0.3,
  /** s between two such seeks: the first needs time to take effect. */
  seekEvery: 0.8,
  /** s for which a position is extrapolated beyond its frame. */
  horizon: 0.4,
  /** s without an answer after which the performer's place is unknown. */
  stale: 1.5,
  /** s over which the performer's speed is smoothed. */
  smoothing: 0.1,
});

/** Steers a video towards the performer's place. */
export class Steering {
  /** @param {Partial<typeof DEFAULTS>} [settings] */
  constructor(settings = {}) {
    this.settings = { ...DEFAULTS, ...settings };
    this.duration = Infinity;
    this.start = 0;
    /** @type {[number, number]|null} the part that is practised over and over */
    this.section = null;
    /** Whether the performer pauses, or the connection is lost. */
    this.held = false;
    this.forget();
  }

  /** Forget everything, for a new session or a new beginning. */
  forget() {
    /** @type {{position: number|null, speed: number, at: number, state: string, running: boolean}|null} */
    this.last = null;
    this.speed = 0;
    this.rate = 1;
    this.playing = false;
    this.jump = false;
    /** Whether a place has been known; until then the beginning is shown. */
    this.placed = false;
    /** @type {number|null} s, time since which no rate would correct the error soon */
    this.offSince = null;
    this.soughtAt = -Infinity;
    this.changedAt = -Infinity;
  }

  /** s in the piece at which the video waits for the performer to begin. */
  get rest() {
    if (!this.section) return this.start;
    const [from, to] = this.section;
    // A piece may begin with an empty room; `start` is where somebody is first seen.
    return this.start < to ? Math.max(from, this.start) : from;
  }

  /**
   * Take note of an answer.
   * @param {{captured: number, phase: string, state: string, position: number|null, speed: number, jumped: boolean,
   *   wrapped: boolean}} answer the server's
   */
  take(answer) {
    const before = this.last;
    const { position, captured: at, state } = answer;
    const running = answer.phase === "running";
    const known = before !== null && before.position !== null && position !== null;
    const elsewhere = answer.jumped || answer.wrapped || (known && this.wraps(before.position, position));
    if (position !== null && elsewhere) this.jump = true;
    if (position !== null) this.placed = true;
    const speed = state === "following" ? Math.max(0, answer.speed) : 0;
    const passed = before ? at - before.at : Infinity;
    // A stop must not be smoothed: the video would run past the pose that is held.
    const share = speed === 0 || !known || !(passed >= 0) ? 1 : 1 - Math.exp(-passed / this.settings.smoothing);
    this.speed += share * (speed - this.speed);
    this.last = { position, speed: this.speed, at, state, running };
  }

  /**
   * Whether the performer started the practised part again; the answer that said so may have been skipped.
   * @param {number} before s
   * @param {number} now s
   */
  wraps(before, now) {
    if (!this.section) return false;
    return before - now > 0.4 * (this.section[1] - this.section[0]);
  }

  /** Whether the piece has not started: it is not running, or the performer has not been found in it yet. */
  get waits() {
    return this.last !== null && (!this.last.running || (!this.placed && this.last.state === "waiting"));
  }

  /**
   * Where the video should be.
   * @param {number} now s, the clock of `captured`
   * @returns {number|null} s in the piece, or null while that is unknown
   */
  target(now) {
    const { last, settings } = this;
    if (!last) return null;
    if (this.waits) return this.rest;
    if (last.position === null || last.state === "lost") return null;
    const ahead = Math.min(Math.max(0, now - last.at), settings.horizon);
    const place = last.position + last.speed * ahead;
    // Nothing is shown past the end of the practised part: the performer is about to start it again.
    const end = this.section ? Math.max(this.section[1], last.position) : this.duration;
    return Math.min(Math.max(place, 0), end);
  }

  /**
   * What the video should do now. Call it with every picture drawn, or a few times a second.
   * @param {number} now s
   * @param {Playing} video
   * @returns {Aim}
   */
  aim(now, video) {
    const { last, settings } = this;
    const target = this.target(now);
    const deaf = !last || now - last.at > settings.stale;
    if (target === null || (!this.waits && (deaf || this.held))) return this.stand(target);
    const error = target - video.time;
    if (this.waits) {
      this.jump = false;
      return this.stand(target, !video.seeking && Math.abs(error) > 0.05 ? target : null);
    }
    const seek = this.seekTo(now, target, error, video);
    if (seek !== null) {
      this.soughtAt = now;
      this.jump = false;
    }
    const rate = this.wanted(seek === null ? error : 0, now);
    // A video at its end would restart when told to play, so it first needs a seek.
    this.playing = rate > 0 && !(video.ended && seek === null);
    return { playing: this.playing, rate: this.rate, seek, target };
  }

  /**
   * @param {number|null} target
   * @param {number|null} [seek]
   * @returns {Aim}
   */
  stand(target, seek = null) {
    this.playing = false;
    return { playing: false, rate: this.rate, seek, target };
  }

  /**
   * @param {number} now
   * @param {number} target
   * @param {number} error
   * @param {Playing} video
   * @returns {number|null} s to go to
   */
  seekTo(now, target, error, video) {
    if (video.seeking) return null;
    const { seekFrom, seekEvery, lasting, deadBand } = this.settings;
    if (!this.beyondRates(error)) this.offSince = null;
    else this.offSince ??= now;
    if (this.jump && Math.abs(error) <= deadBand) this.jump = false;
    if (this.jump) return target;
    if (video.ended && error < -deadBand) return target;
    const off = Math.abs(error) > seekFrom || (this.offSince !== null && now - this.offSince >= lasting);
    return off && now - this.soughtAt >= seekEvery ? target : null;
  }

  /**
   * Whether no rate corrects an error soon: the video is ahead of a performer who stands or hardly moves, or behind one
   * who is about as fast as it can play.
   * @param {number} error s by which the video lags behind
   */
  beyondRates(error) {
    const { offFrom, soon, fastest } = this.settings;
    const gained = error < 0 ? this.speed : fastest - this.speed;
    return Math.abs(error) > Math.max(offFrom, soon * gained);
  }

  /**
   * The rate, 0 to stand still.
   * @param {number} error s by which the video lags behind
   * @param {number} now s
   */
  wanted(error, now) {
    const { gain, deadBand, fastest, slowest, step, changeEvery, horizon } = this.settings;
    // Beyond the horizon the place is not extrapolated: the video plays only up to it.
    const speed = this.last && now - this.last.at <= horizon ? this.speed : 0;
    const off = Math.abs(error) <= deadBand ? 0 : error;
    let wanted = Math.min(Math.max(speed + gain * off, 0), fastest);
    // Close to a pose that is held the rate would become tiny: keep it watchable, then stop.
    if (speed < slowest && off > 0) wanted = Math.max(wanted, 0.3);
    // Starting takes twice the rate that continuing does: at a single limit the video would stutter.
    if (wanted < (this.playing ? slowest : 2 * slowest)) return 0;
    const change = Math.abs(wanted - this.rate);
    const due = change > 0.3 || !this.playing || now - this.changedAt >= changeEvery;
    const edge = wanted === fastest;
    if (due && (change > 0.8 * step || edge) && this.rate !== wanted) {
      this.rate = edge ? fastest : Math.max(slowest, Math.round(wanted / step) / Math.round(1 / step));
      this.changedAt = now;
    }
    return this.rate;
  }
}

/**
 * Whether to play the expert's sound at a rate: far from its own speed it is only noise.
 * @param {number} rate
 * @param {boolean} heard whether it is heard now: it stops at a wider limit than it starts
 */
export function audible(rate, heard) {
  const limit = heard ? 1.5 : 1.3;
  return rate >= 1 / limit && rate <= limit;
}
