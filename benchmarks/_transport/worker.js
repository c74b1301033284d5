// @ts-check
/** Shrinks and encodes frames outside the main thread, and holds the WebSocket. */

import { Flight, connect, packet } from './flight.js';

/** @type {WebSocket} */ let socket;
/** @type {{width: number, height: number, quality: number, search: string}} */ let options;
/** @type {OffscreenCanvas} */ let canvas;
/** @type {OffscreenCanvasRenderingContext2D} */ let context;
const flight = new Flight(); // used when the worker reads the camera's track itself
let ownFlight = false;
const spent = new Map(); // seq → ms from taking the frame to having sent it

onmessage = async ({ data }) => {
  if (data.options) {
    options = data.options;
    canvas = new OffscreenCanvas(options.width, options.height);
    // @ts-ignore: never null for 2d
    context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    socket = await connect(options.search);
    socket.onmessage = answered;
    postMessage({ ready: true });
    if (data.readable) {
      ownFlight = true;
      await readTrack(data.readable);
    }
  } else {
    await encode(data.picture, data.seq, data.captured);
  }
};

/** @param {MessageEvent<string>} event */
function answered({ data }) {
  const answer = JSON.parse(data);
  if (ownFlight) flight.settle(answer.seq);
  postMessage({ answer: { ...answer, encode: spent.get(answer.seq), skipped: flight.skipped } });
  spent.delete(answer.seq);
}

/** @param {ImageBitmap | VideoFrame} picture @param {number} seq @param {number} captured ms */
async function encode(picture, seq, captured) {
  const begun = performance.now();
  context.drawImage(picture, 0, 0, options.width, options.height);
  picture.close();
  const blob = await canvas.convertToBlob({ type: 'image/jpeg', quality: options.quality });
  socket.send(packet(seq, captured, options.width, options.height, await blob.arrayBuffer()));
  spent.set(seq, performance.now() - begun);
}

/** @param {ReadableStream<VideoFrame>} readable */
async function readTrack(readable) {
  const reader = readable.getReader();
  for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read()) {
    const seq = flight.take();
    // Not awaited: while one frame is encoded the next may be left out, never queued up.
    if (seq === null) value?.close();
    else if (value) encode(value, seq, performance.now()).catch((error) => postMessage({ error: `${error}` }));
  }
}
