// @ts-check
/** Sends the camera's frames the way the address asks for and notes when each was taken and answered. */

import { Flight, connect, packet } from './flight.js';

const asked = new URLSearchParams(location.search);
const kind = asked.get('kind') ?? 'none';
const longest = Number(asked.get('longest') ?? 640);
const quality = Number(asked.get('quality') ?? 0.8);
const video = /** @type {HTMLVideoElement} */ (document.getElementById('self'));
const METER = { x: 0, y: 8, width: 400, height: 2 }; // px of the camera's picture that show its number
const CELLS = 10;

/** @type {{shown: number[][], answers: object[]}} */
const notes = { shown: [], answers: [] };
/** @type {string[]} */
const faults = [];
const flight = new Flight();
let skippedByWorker = 0;
/** @type {(now: number, metadata: VideoFrameCallbackMetadata) => void} */
let send = () => {};
/** @type {() => void} */
let firstAnswer = () => {};
/** @type {RTCPeerConnection | null} */
let peer = null;
let description = {};

/** @param {{code: number | null, seq?: number}} answer */
function answered(answer) {
  notes.answers.push({ ...answer, at: performance.now() });
  if (answer.seq !== undefined && kind !== 'track') flight.settle(answer.seq);
  if (answer.code !== null) firstAnswer();
}

/** The number painted in the camera's picture, read without converting the picture. @param {VideoFrame} frame */
async function numberOf(frame) {
  const buffer = new Uint8Array(frame.allocationSize({ rect: METER }));
  const [luma] = await frame.copyTo(buffer, { rect: METER });
  frame.close();
  let code = 0;
  let parity = 0;
  for (let cell = 0; cell < CELLS; cell += 1) {
    const bit = buffer[luma.offset + Math.floor(((cell + 0.5) * METER.width) / CELLS)] > 128 ? 1 : 0;
    if (cell < 2 && bit !== 1 - cell) return null;
    if (cell >= 2 && cell < 9) code = code * 2 + bit;
    if (cell >= 2) parity ^= bit;
  }
  return parity ? null : code;
}

/** @type {VideoFrameRequestCallback} */
function everyFrame(now, metadata) {
  video.requestVideoFrameCallback(everyFrame);
  const captured = metadata.captureTime ?? now;
  const here = performance.now(); // not `now`, which is when the screen's frame began: before some captures
  send(now, metadata);
  numberOf(new VideoFrame(video)).then((code) => {
    notes.shown.push([code ?? -1, captured, here, metadata.presentedFrames, metadata.captureTime ? 1 : 0]);
  }, (error) => faults.push(`meter: ${error}`));
}

function size() {
  const scale = longest / Math.max(video.videoWidth, video.videoHeight);
  return { width: Math.round(video.videoWidth * scale), height: Math.round(video.videoHeight * scale) };
}

async function mainThread() {
  const { width, height } = size();
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
  const socket = await connect(location.search);
  const spent = new Map();
  socket.onmessage = (/** @type {MessageEvent<string>} */ { data }) => {
    const answer = JSON.parse(data);
    answered({ ...answer, encode: spent.get(answer.seq) });
    spent.delete(answer.seq);
  };
  send = async (now, metadata) => {
    const seq = flight.take();
    if (seq === null) return;
    const begun = performance.now();
    context?.drawImage(video, 0, 0, width, height);
    /** @type {Blob | null} */
    const blob = await new Promise((done) => canvas.toBlob(done, 'image/jpeg', quality));
    if (blob) socket.send(packet(seq, metadata.captureTime ?? now, width, height, await blob.arrayBuffer()));
    spent.set(seq, performance.now() - begun);
  };
}

/** @param {MediaStreamTrack} track */
async function inWorker(track) {
  const { width, height } = size();
  const worker = new Worker('worker.js', { type: 'module' });
  const options = { width, height, quality, search: location.search };
  const ready = new Promise((resolve) => {
    worker.onmessage = ({ data }) => {
      if (data.ready) resolve(true);
      if (data.error) faults.push(data.error);
      if (data.answer) {
        skippedByWorker = data.answer.skipped;
        answered(data.answer);
      }
    };
  });
  worker.onerror = (event) => faults.push(`worker: ${event.message}`);
  if (kind === 'track') {
    // @ts-ignore: not in every browser
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
    worker.postMessage({ options, readable }, [readable]);
    await ready;
    return;
  }
  worker.postMessage({ options });
  await ready;
  send = async (now, metadata) => {
    const seq = flight.take();
    if (seq === null) return;
    const captured = metadata.captureTime ?? now;
    const picture = kind === 'frame'
      ? new VideoFrame(video)
      : await createImageBitmap(video, { resizeWidth: width, resizeHeight: height, resizeQuality: 'medium' });
    worker.postMessage({ picture, seq, captured }, [picture]);
  };
}

/** What is known to help a call in a local network: no ramp from 300 kbit/s. @param {string} sdp @param {number} bitrate */
function withoutRamp(sdp, bitrate) {
  const rates = ['start', 'min'].map((name) => `x-google-${name}-bitrate=${bitrate / 1000}`).join(';');
  const lines = sdp.split('\r\n').filter((line) => line);
  return lines.flatMap((line) => {
    const codec = /^a=rtpmap:(\d+) (VP8|H264)\//.exec(line);
    if (codec && !lines.some((other) => other.startsWith(`a=fmtp:${codec[1]} `))) {
      return [line, `a=fmtp:${codec[1]} ${rates}`];
    }
    return /^a=fmtp:\d+ .*profile-level-id/.test(line) ? [`${line};${rates}`] : [line];
  }).join('\r\n') + '\r\n';
}

/** @param {MediaStreamTrack} track */
async function webRtc(track) {
  const bitrate = Number(asked.get('bitrate') ?? 3e6);
  const codec = `video/${asked.get('codec') ?? 'VP8'}`;
  peer = new RTCPeerConnection({ iceServers: [] });
  const channel = peer.createDataChannel('answers', { ordered: false, maxRetransmits: 0 });
  channel.onmessage = ({ data }) => answered(JSON.parse(data));
  track.contentHint = 'motion';
  const scale = Math.max(video.videoWidth, video.videoHeight) / longest;
  const transceiver = peer.addTransceiver(track, {
    direction: 'sendonly', sendEncodings: [{ maxBitrate: bitrate, scaleResolutionDownBy: scale }],
  });
  const codecs = (RTCRtpSender.getCapabilities('video')?.codecs ?? []).filter(
    ({ mimeType }) => mimeType === codec || mimeType === 'video/rtx');
  if (!codecs.some(({ mimeType }) => mimeType === codec)) throw new Error(`this browser cannot send ${codec}`);
  transceiver.setCodecPreferences(codecs);
  const parameters = transceiver.sender.getParameters();
  // @ts-ignore: newer than some typings
  parameters.degradationPreference = 'maintain-resolution';
  await transceiver.sender.setParameters(parameters);
  await peer.setLocalDescription();
  if (peer.iceGatheringState !== 'complete') {
    await new Promise((done) => {
      const check = () => peer?.iceGatheringState === 'complete' && done(true);
      peer?.addEventListener('icegatheringstatechange', check);
    });
  }
  const own = peer.localDescription?.sdp ?? '';
  const reply = await fetch(`offer${location.search}`, { method: 'POST', body: JSON.stringify({ sdp: own }) });
  const { sdp } = await reply.json();
  await peer.setRemoteDescription({ type: 'answer', sdp: withoutRamp(sdp, bitrate) });
  const candidates = (/** @type {string} */ text) => text.match(/^a=candidate.*$/gm) ?? [];
  description = { browser: candidates(own), server: candidates(sdp) };
}

/** Bytes and frames that WebRTC has sent so far, with its own overhead. */
async function sentByPeer() {
  for (const report of (await peer?.getStats())?.values() ?? []) {
    if (report.type === 'outbound-rtp' && report.kind === 'video') {
      return {
        bytes: report.bytesSent + report.headerBytesSent, frames: report.framesEncoded,
        width: report.frameWidth, height: report.frameHeight, encodeSeconds: report.totalEncodeTime,
      };
    }
  }
  return null;
}

const bench = {
  /** The camera on; what a page does without sending anything. */
  async open() {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 1280, height: 720, frameRate: 30 } });
    video.srcObject = stream;
    await video.play();
    video.requestVideoFrameCallback(everyFrame);
    return stream.getVideoTracks()[0].getSettings();
  },
  /** Start sending; ms until the first answer, null when nothing is sent. */
  async begin() {
    const track = /** @type {MediaStream} */ (video.srcObject).getVideoTracks()[0];
    const begun = performance.now();
    const first = new Promise((resolve) => { firstAnswer = () => resolve(performance.now() - begun); });
    if (kind === 'none') return null;
    const begins = kind === 'rtc' ? webRtc(track) : kind === 'main' ? mainThread() : inWorker(track);
    const late = new Promise((_, reject) => {
      setTimeout(() => reject(new Error(`no answer; ICE is ${peer?.iceConnectionState ?? 'not used'}`)), 12000);
    });
    return Promise.race([begins.then(() => first), late]);
  },
  /** What has been noted since the last call; the counters run on. */
  async collect() {
    const found = {
      shown: notes.shown.splice(0), answers: notes.answers.splice(0), faults: faults.splice(0),
      skipped: flight.skipped + skippedByWorker, peer: await sentByPeer(), description,
      now: performance.now(),
    };
    return found;
  },
};

Object.assign(window, { bench });
