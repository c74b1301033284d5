/** Measurements of the running session: percentiles of recent values, and events per second. Pure logic. */

/** Keeps the most recent values, and gives their percentiles. */
export class Recent {
  /** @param {number} [most] values kept */
  constructor(most = 600) {
    this.most = most;
    /** @type {number[]} */
    this.values = [];
    this.next = 0;
    this.count = 0;
  }

  /** @param {number} value left out if it is not finite */
  add(value) {
    if (!Number.isFinite(value)) return;
    this.values[this.next] = value;
    this.next = (this.next + 1) % this.most;
    this.count += 1;
  }

  /**
   * @param {number} share 0..1; 0.5 is the median
   * @returns {number|null} null before there is any value
   */
  percentile(share) {
    if (!this.values.length) return null;
    const sorted = [...this.values].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
  }

  /** Median and 95th percentile of the values kept, and the number of all values. */
  summary() {
    return { p50: this.percentile(0.5), p95: this.percentile(0.95), count: this.count };
  }
}

/** Counts events per second over the last seconds. */
export class Rate {
  /** @param {number} [span] s over which events are counted */
  constructor(span = 2) {
    this.span = span;
    /** @type {[number, number][]} s, events */
    this.events = [];
    this.total = 0;
    this.began = Infinity;
  }

  /**
   * @param {number} now s
   * @param {number} [count]
   */
  add(now, count = 1) {
    this.began = Math.min(this.began, now);
    this.total += count;
    this.events.push([now, count]);
    this.forget(now);
  }

  /**
   * @param {number} now s
   * @returns {number} events per s
   */
  perSecond(now) {
    this.forget(now);
    const seen = this.events.reduce((sum, [, count]) => sum + count, 0);
    // At first the span is shorter, but at least half a second: otherwise one event would give a huge rate.
    return seen / Math.min(this.span, Math.max(now - this.began, 0.5));
  }

  /** @param {number} now s */
  forget(now) {
    let old = 0;
    while (old < this.events.length && now - this.events[old][0] > this.span) old += 1;
    if (old) this.events.splice(0, old);
  }
}
