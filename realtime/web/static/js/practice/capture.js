/** Sends the self-view to the server: the newest frame, scaled, as a JPEG, with only a few unanswered at a time. */

import { SOCKET } from "../shared.js";
import { InFlight } from "./inflight.js";
import { Rate, Recent } from "./measures.js";
import { HEADER_BYTES, sentSize, writeHeader } from "./protocol.js";

/** s between two checks of the self-view, where the browser does not announce new frames. */
const LOOK_EVERY = 1 / 30;
/** s by which a camera's own time may lie before the page's and still be trusted. */
const BELIEVED = 1;
/** Bytes that may wait in the socket; more means that the network is slower than the camera. */
const BACKLOG = 256_000;

/** @returns {number} s, a clock that only goes forward */
export const clock = () => performance.now() / 1000;

/** Takes frames from a <video> and sends them. */
export class Capture {
  /**
   * @param {HTMLVideoElement} video the self-view
   * @param {(message: ArrayBuffer) => boolean} send false: it could not be sent
   * @param {() => number} backlog bytes that wait to be sent
   */
  constructor(video, send, backlog) {
    this.video = video;
    this.send = send;
    this.backlog = backlog;
    this.flight = new InFlight();
    /** @type {{longest: number, quality: number}} as the server last asked for */
    this.wanted = SOCKET.frames;
    this.running = false;
    this.presented = 0;
    this.lastCaptured = 0;
    /** @type {Map<number, {arrived: number, skipped: number}>} frames not answered yet */
    this.pending = new Map();
    this.figures = {
      roundTrip: new Recent(),
      fromArrival: new Recent(),
      encoding: new Recent(),
      bytes: new Recent(),
      selfView: new Rate(),
      sent: new Rate(),
      answered: new Rate(),
      skipped: new Rate(),
    };
    this.worker = makeWorker();
    this.worker?.addEventListener("message", ({ data }) => this.encoded(data));
    this.listen();
  }

  /**
   * Send frames from now on, as the server asks for them.
   * @param {{longest: number, quality: number, rate: number}} wanted
   */
  start(wanted) {
    this.wanted = wanted;
    this.flight.rate = wanted.rate;
    this.running = true;
  }

  /** Stop sending, without waiting for outstanding answers. */
  stop() {
    this.running = false;
    this.flight.reset();
    this.pending.clear();
  }

  /** Have frame() called for every frame that the self-view shows. */
  listen() {
    const { video } = this;
    if (!video.requestVideoFrameCallback) {
      window.setInterval(() => this.look(), 1000 * LOOK_EVERY);
      return;
    }
    const step = (/** @type {number} */ _, /** @type {VideoFrameCallbackMetadata} */ metadata) => {
      video.requestVideoFrameCallback(step);
      const given = Math.max(1, metadata.presentedFrames - this.presented);
      // A new stream counts from the start.
      const fresh = metadata.presentedFrames > this.presented ? given : 1;
      this.presented = metadata.presentedFrames;
      this.frame(fresh, (metadata.captureTime ?? NaN) / 1000);
    };
    video.requestVideoFrameCallback(step);
  }

  /** Where the browser does not announce frames: a new frame is one at another time of the stream. */
  look() {
    const { currentTime, readyState } = this.video;
    if (readyState < HTMLMediaElement.HAVE_CURRENT_DATA || currentTime === this.presented) return;
    this.presented = currentTime;
    this.frame(1, NaN);
  }

  /**
   * Send a new frame of the self-view, or leave it out.
   * @param {number} given frames since the last call, including this one
   * @param {number} told s, the browser's time of its capture; NaN where it gives none
   */
  frame(given, told) {
    const arrived = clock();
    this.figures.selfView.add(arrived, given);
    if (!this.running) return;
    const { flight, figures, video } = this;
    const busy = !flight.hasRoom(arrived) || this.backlog() > BACKLOG;
    if (busy || !video.videoWidth) {
      flight.leaveOut(given);
      figures.skipped.add(arrived, given);
      return;
    }
    flight.leaveOut(given - 1);
    if (given > 1) figures.skipped.add(arrived, given - 1);
    const [width, height] = sentSize(video.videoWidth, video.videoHeight, this.wanted.longest);
    const job = { ...flight.send(arrived), captured: this.timeOf(arrived, told), width, height };
    this.pending.set(job.seq, { arrived, skipped: job.skipped });
    for (const seq of this.pending.keys()) if (seq < job.seq - 100) this.pending.delete(seq);
    this.encode({ ...job, quality: this.wanted.quality });
  }

  /**
   * When a frame was captured: the camera's own time where it is plausible; times only go forward.
   * @param {number} arrived s
   * @param {number} told s
   */
  timeOf(arrived, told) {
    const plausible = told <= arrived && told > arrived - BELIEVED && told > this.lastCaptured;
    const captured = plausible ? told : Math.max(arrived, this.lastCaptured + 1e-4);
    this.lastCaptured = captured;
    return captured;
  }

  /** @param {{seq: number, skipped: number, captured: number, width: number, height: number, quality: number}} job */
  async encode(job) {
    try {
      if (this.worker) {
        const picture = await take(this.video, job);
        this.worker.postMessage({ ...job, picture }, [picture]);
      } else {
        const began = performance.now();
        this.encoded({ seq: job.seq, message: await encodeHere(this.video, job), ms: performance.now() - began });
      }
    } catch {
      // The camera was lost after the frame was shown.
      this.giveUp(job.seq);
    }
  }

  /** @param {{seq: number, message: ArrayBuffer|null, ms?: number}} done */
  encoded({ seq, message, ms }) {
    const known = this.pending.get(seq);
    if (!known || !this.running) return;
    if (!message || !this.send(message)) {
      this.giveUp(seq);
      return;
    }
    this.figures.encoding.add(ms ?? NaN);
    this.figures.bytes.add(message.byteLength);
    this.figures.sent.add(clock());
  }

  /**
   * Give up a frame that will not be answered: it was not sent, or the server could not read it.
   * @param {number} seq
   */
  giveUp(seq) {
    this.flight.fail(seq, this.pending.get(seq)?.skipped ?? 0);
    this.pending.delete(seq);
  }

  /**
   * Record the server's answer to a frame.
   * @param {{seq: number, captured: number}} answer
   * @param {number} received s
   */
  answered({ seq, captured }, received) {
    const known = this.pending.get(seq);
    this.flight.settle(seq, received);
    for (const key of this.pending.keys()) if (key <= seq) this.pending.delete(key);
    this.figures.answered.add(received);
    this.figures.roundTrip.add(1000 * (received - captured));
    if (known) this.figures.fromArrival.add(1000 * (received - known.arrived));
  }
}

/** @returns {Worker|null} null where the browser cannot make JPEGs off the page's thread */
function makeWorker() {
  if (typeof OffscreenCanvas === "undefined" || !OffscreenCanvas.prototype.convertToBlob) return null;
  if (typeof VideoFrame === "undefined" && typeof createImageBitmap === "undefined") return null;
  return new Worker("/static/js/capture-worker.js", { type: "module" });
}

/**
 * The picture in the self-view, for the worker: by reference where the browser can, else scaled.
 * @param {HTMLVideoElement} video
 * @param {{width: number, height: number}} size
 * @returns {Promise<VideoFrame|ImageBitmap>}
 */
async function take(video, { width, height }) {
  if (typeof VideoFrame !== "undefined") return new VideoFrame(video, { timestamp: 0 });
  return createImageBitmap(video, { resizeWidth: width, resizeHeight: height, resizeQuality: "low" });
}

/** @type {HTMLCanvasElement|null} */
let canvas = null;

/**
 * Encode a frame on the page's own thread, for browsers without OffscreenCanvas in workers.
 * @param {HTMLVideoElement} video
 * @param {{seq: number, skipped: number, captured: number, width: number, height: number, quality: number}} job
 * @returns {Promise<ArrayBuffer|null>}
 */
async function encodeHere(video, job) {
  canvas ??= document.createElement("canvas");
  if (canvas.width !== job.width || canvas.height !== job.height) {
    canvas.width = job.width;
    canvas.height = job.height;
  }
  canvas.getContext("2d", { alpha: false, willReadFrequently: true })?.drawImage(video, 0, 0, job.width, job.height);
  const drawn = canvas;
  const jpeg = await new Promise((/** @type {(blob: Blob|null) => void} */ resolve) => {
    drawn.toBlob(resolve, "image/jpeg", job.quality);
  });
  if (!jpeg) return null;
  const message = new Uint8Array(HEADER_BYTES + jpeg.size);
  writeHeader(new DataView(message.buffer), job);
  message.set(new Uint8Array(await jpeg.arrayBuffer()), HEADER_BYTES);
  return message.buffer;
}
