/** Encodes camera frames, scaled, as JPEGs with a header, off the page's thread, one after the other. */

import { HEADER_BYTES, writeHeader } from "./practice/protocol.js";

/** @type {OffscreenCanvas|null} */
let canvas = null;
/** @type {OffscreenCanvasRenderingContext2D|null} */
let context = null;

self.addEventListener("message", async ({ data: job }) => {
  try {
    const began = performance.now();
    const message = await encode(job);
    const answer = { seq: job.seq, message, ms: performance.now() - began };
    self.postMessage(answer, { transfer: [message] });
  } catch (error) {
    self.postMessage({ seq: job.seq, message: null, why: String(error) });
  }
});

/**
 * @param {{picture: VideoFrame|ImageBitmap, width: number, height: number, quality: number, seq: number,
 *   captured: number, skipped: number}} job the picture is closed here
 * @returns {Promise<ArrayBuffer>} header and JPEG
 */
async function encode(job) {
  try {
    if (!canvas || canvas.width !== job.width || canvas.height !== job.height) {
      canvas = new OffscreenCanvas(job.width, job.height);
      // The pixels are read for every frame, which is faster from a canvas on the CPU than from one on the GPU.
      context = canvas.getContext("2d", { alpha: false, willReadFrequently: true });
    }
    context?.drawImage(job.picture, 0, 0, job.width, job.height);
  } finally {
    job.picture.close();
  }
  const jpeg = await canvas.convertToBlob({ type: "image/jpeg", quality: job.quality });
  const message = new Uint8Array(HEADER_BYTES + jpeg.size);
  writeHeader(new DataView(message.buffer), job);
  message.set(new Uint8Array(await jpeg.arrayBuffer()), HEADER_BYTES);
  return message.buffer;
}
