/** Keeps the screen on while somebody dances: a tablet that falls asleep ends the dance. */

export class Awake {
  constructor() {
    /** @type {WakeLockSentinel|null} */
    this.lock = null;
  }

  /** Ask for it; the browser lets go by itself when the page is hidden, so ask again when it is seen. */
  async hold() {
    if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
    if (this.lock && !this.lock.released) return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
    } catch {
      // On a low battery a device may refuse: it then sleeps as it is set to.
    }
  }

  release() {
    this.lock?.release().catch(() => undefined);
    this.lock = null;
  }
}
