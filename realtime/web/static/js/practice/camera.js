/** The performer's camera: chosen, remembered, and opened again after it was unplugged. */

import { remember, remembered } from "../common.js";

/** ms between two attempts to open a lost camera; the browser also announces one that is plugged in. */
const RETRY_MS = 2000;

/** The reason why the camera cannot be used; `message` is for the user, `kind` for the page. */
export class CameraError extends Error {
  /**
   * @param {"insecure"|"denied"|"missing"|"busy"|"failed"} kind
   * @param {string} message
   */
  constructor(kind, message) {
    super(message);
    this.name = "CameraError";
    this.kind = kind;
  }
}

/**
 * Explain to the user why getUserMedia failed.
 * @param {unknown} error
 * @returns {CameraError}
 */
export function explain(error) {
  const name = error instanceof Error || error instanceof DOMException ? error.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") {
    return new CameraError(
      "denied",
      "The camera is blocked for this page. Allow it with the camera sign beside the address, then try again.",
    );
  }
  if (name === "NotFoundError" || name === "OverconstrainedError") {
    return new CameraError("missing", "No camera was found. Plug one in: it is taken as soon as it is there.");
  }
  if (name === "NotReadableError" || name === "AbortError") {
    return new CameraError(
      "busy",
      "The camera does not answer: another program may be using it. Close that one, then try again.",
    );
  }
  return new CameraError("failed", `The camera could not be started${name ? ` (${name})` : ""}. Try another one.`);
}

/** One camera at a time, shown in a <video>. */
export class Camera extends EventTarget {
  /** @param {HTMLVideoElement} video the self-view; nothing else delays it */
  constructor(video) {
    super();
    this.video = video;
    /** @type {MediaStream|null} */
    this.stream = null;
    this.wanted = remembered("camera");
    /** @type {number|undefined} */
    this.retry = undefined;
    this.lost = false;
    navigator.mediaDevices?.addEventListener("devicechange", () => this.deviceChanged());
  }

  /** Whether the browser allows this page to use cameras at all. */
  static get possible() {
    return window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);
  }

  /** Whether the user has already allowed the camera, so that the browser will not ask. */
  static async allowed() {
    try {
      const status = await navigator.permissions.query({ name: /** @type {PermissionName} */ ("camera") });
      return status.state === "granted";
    } catch {
      return false;
    }
  }

  /** The label of the running camera. */
  get label() {
    return this.stream?.getVideoTracks()[0]?.label ?? "";
  }

  /** The identity of the running camera, for the picker. */
  get id() {
    return this.stream?.getVideoTracks()[0]?.getSettings().deviceId ?? "";
  }

  /**
   * Start a camera, in place of the running one.
   * @param {string} [id] of the camera; without it, the one chosen last time, else the browser's choice
   * @throws {CameraError}
   */
  async open(id = this.wanted) {
    if (!Camera.possible) {
      throw new CameraError(
        "insecure",
        "Browsers give cameras to safe pages only. Start posesync serve with --tls self-signed and open the https " +
          "address that it prints.",
      );
    }
    this.stop();
    const stream = await this.ask(id);
    const track = stream.getVideoTracks()[0];
    this.stream = stream;
    this.lost = false;
    this.wanted = track.getSettings().deviceId ?? id;
    if (this.wanted) remember("camera", this.wanted);
    track.addEventListener("ended", () => this.gone(stream));
    this.video.srcObject = stream;
    // A play() interrupted by a newer stream is not a failure: the newer one plays.
    await this.video.play().catch((error) => {
      if (error.name !== "AbortError") throw explain(error);
    });
    this.dispatchEvent(new Event("open"));
  }

  /**
   * @param {string} id
   * @returns {Promise<MediaStream>}
   */
  async ask(id) {
    const video = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 60, max: 60 } };
    const which = id ? { deviceId: { exact: id } } : { facingMode: "user" };
    try {
      return await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...video, ...which } });
    } catch (error) {
      const name = error instanceof DOMException ? error.name : "";
      // The remembered camera is not plugged in: take any other.
      if (id && (name === "OverconstrainedError" || name === "NotFoundError")) return this.ask("");
      throw explain(error);
    }
  }

  /** @returns {Promise<{id: string, label: string}[]>} the cameras present; without labels before permission */
  async list() {
    const devices = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const cameras = devices.filter((device) => device.kind === "videoinput");
    return cameras.map((device, k) => ({ id: device.deviceId, label: device.label || `Camera ${k + 1}` }));
  }

  /** Stop and release the camera. */
  stop() {
    clearTimeout(this.retry);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
  }

  /** @param {MediaStream} stream that has ended by itself: the camera was unplugged or taken by another program */
  gone(stream) {
    if (stream !== this.stream) return;
    this.lost = true;
    this.dispatchEvent(new Event("lost"));
    this.tryAgain();
  }

  /** Wait for a missing camera, as for a lost one. */
  waitForOne() {
    this.lost = true;
    clearTimeout(this.retry);
    this.retry = window.setTimeout(() => this.tryAgain(), RETRY_MS);
  }

  async tryAgain() {
    clearTimeout(this.retry);
    if (!this.lost) return;
    try {
      await this.open();
    } catch (error) {
      // Only a denial is final; everything else may pass by itself.
      if (error instanceof CameraError && error.kind === "denied") {
        this.lost = false;
        this.dispatchEvent(new CustomEvent("refused", { detail: error }));
      } else this.waitForOne();
    }
  }

  deviceChanged() {
    if (this.lost) this.tryAgain();
    this.dispatchEvent(new Event("devices"));
  }
}
