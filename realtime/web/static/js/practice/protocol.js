/** The practice socket's messages, as docs/browser-protocol.md describes them. */

import { SOCKET } from "../shared.js";

export const HEADER_BYTES = 24;

/**
 * The server's answer to a camera frame; times in s, angles in degrees, places in 0..1 of the frame, not mirrored.
 * @typedef {object} Answer
 * @property {"answer"} type
 * @property {number} seq of the frame
 * @property {number} captured s, as in the frame's header
 * @property {{waited: number, worked: number}} ms that the frame waited on the server, and was processed
 * @property {"framing"|"ready"|"count-in"|"running"} phase
 * @property {string|null} countdown to be shown in huge letters
 * @property {string|null} hint
 * @property {string|null} framing advice on where to stand
 * @property {number|null} position s in the piece
 * @property {number} speed 1 = the expert's
 * @property {"waiting"|"following"|"holding"|"lost"|"finished"} state
 * @property {number} confidence 0..1, the probability that the position is right within 0.25 s
 * @property {boolean} doubtful there is a place, but it is too uncertain to be stated
 * @property {boolean} mirrored the performer does the piece with left and right exchanged
 * @property {boolean} jumped
 * @property {boolean} wrapped back at the start by finishing the piece
 * @property {number} repetition periods of the movement finished so far
 * @property {number|null} score 0..100, as judged some 0.2 s ago
 * @property {Record<string, number|null>} joints
 * @property {number[][]} keypoints 17 × [x, y, confidence]
 * @property {number|null} [focus] 0..1 of the width of the expert's picture, where the expert is; not every server sends it
 * @property {number[][]|null} ghost 17 × [x, y, confidence]
 * @property {{expert: boolean, ghost: boolean}} show
 * @property {"full"|"mistakes"|"none"} level
 * @property {{joint: string, text: string, degrees: number, kind: string}|null} cue
 * @property {boolean} said the cue is new with this frame
 * @property {{score: number|null, label: string|null, speed: number|null}} timing
 * @property {number} dropped frames that the server left out
 */

/**
 * The server's first message.
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {number} protocol
 * @property {string} session
 * @property {number} duration s of the piece
 * @property {number} start s in the piece
 * @property {[number, number]} size of the expert's picture, px
 * @property {[number, number, string][]} sections from s, to s, name
 * @property {{longest: number, quality: number, rate: number, bytes: number}} frame what frames may be
 * @property {"full"|"mistakes"|"none"} guidance
 * @property {boolean} resumed
 */

/**
 * Write the header of a camera frame, little-endian.
 * @param {DataView} view at least HEADER_BYTES long
 * @param {{seq: number, captured: number, width: number, height: number, skipped: number}} frame captured in s;
 *   the picture's size in px; skipped: frames left out since the last one
 */
export function writeHeader(view, { seq, captured, width, height, skipped }) {
  view.setUint8(0, SOCKET.version);
  view.setUint8(1, 0);
  view.setUint16(2, Math.min(Math.max(Math.round(skipped), 0), 0xffff), true);
  view.setUint32(4, seq, true);
  view.setFloat64(8, captured, true);
  view.setUint16(16, width, true);
  view.setUint16(18, height, true);
  view.setUint32(20, 0, true);
}

/**
 * The size in which a camera's picture is sent: the longest side as asked for, never enlarged, both sides even.
 * @param {number} width px
 * @param {number} height px
 * @param {number} longest px
 * @returns {[number, number]}
 */
export function sentSize(width, height, longest) {
  const scale = Math.min(1, longest / Math.max(width, height));
  return [even(width * scale), even(height * scale)];
}

/** @param {number} value */
function even(value) {
  return Math.max(2, Math.round(value / 2) * 2);
}

/**
 * Read a text message.
 * @param {unknown} data
 * @returns {any} an object with a "type", or null for anything else, which is ignored
 */
export function readMessage(data) {
  if (typeof data !== "string") return null;
  try {
    const message = JSON.parse(data);
    return message && typeof message.type === "string" ? message : null;
  } catch {
    return null;
  }
}

/** The meaning of the server's close codes: words for the user, and whether to connect again. */
const CLOSED = new Map([
  [SOCKET.closing.badMessage, ["The server did not understand this page. Reload it: the two may be of different versions.", false]],
  [SOCKET.closing.noExpert, ["This expert is not in the library any more. Choose another one.", false]],
  [SOCKET.closing.notReady, ["This expert is still being prepared. Come back when the library says that it is ready.", false]],
  [SOCKET.closing.tooFast, ["The camera sent more than the server takes; connecting again.", true]],
  [SOCKET.closing.tooMany, ["As many people practise already as this computer can serve. Try again when one has ended.", false]],
  [1009, ["A picture was larger than the server takes. Choose another camera, or reload the page.", false]],
  [1000, ["The session has ended.", false]],
]);

/**
 * @param {number} code of the WebSocket's close
 * @returns {{words: string, again: boolean}}
 */
export function closeMeaning(code) {
  const [words, again] = CLOSED.get(code) ?? ["The connection broke.", true];
  return { words: /** @type {string} */ (words), again: /** @type {boolean} */ (again) };
}
