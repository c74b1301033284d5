/** Keeps the screen on during practice: a tablet that falls asleep would end it. */

export class Awake {
  constructor() {
    /** @type {WakeLockSentinel|null} */
    this.lock = null;
  }

  /** Request the lock; the browser releases it when the page is hidden, so call this again when it is visible. */
  async hold() {
    if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
    if (this.lock && !this.lock.released) return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
    } catch {
      // A device with a low battery may refuse: then it sleeps as usual.
    }
  }

  release() {
    this.lock?.release().catch(() => undefined);
    this.lock = null;
  }
}
