// @ts-check
/** Which frames are on their way: at most two, as the practice page keeps it. */

const MOST = 2;
const GIVEN_UP = 1500; // ms without an answer after which a frame counts as settled

export class Flight {
  #sent = new Map(); // seq → ms when it was taken
  seq = 0;
  skipped = 0;

  /** The next frame's number, or null: it must be left out. @returns {number | null} */
  take() {
    const now = performance.now();
    for (const [seq, at] of this.#sent) if (now - at > GIVEN_UP) this.#sent.delete(seq);
    if (this.#sent.size >= MOST) {
      this.skipped += 1;
      return null;
    }
    this.seq += 1;
    this.#sent.set(this.seq, now);
    return this.seq;
  }

  /** An answer settles its frame and all before it. @param {number} seq */
  settle(seq) {
    for (const known of this.#sent.keys()) if (known <= seq) this.#sent.delete(known);
  }
}

/**
 * One message of the practice socket: a header of 24 bytes and the JPEG.
 * @param {number} seq @param {number} captured ms @param {number} width @param {number} height
 * @param {ArrayBuffer} jpeg
 */
export function packet(seq, captured, width, height, jpeg) {
  const bytes = new Uint8Array(24 + jpeg.byteLength);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1);
  view.setUint32(4, seq, true);
  view.setFloat64(8, captured / 1000, true);
  view.setUint16(16, width, true);
  view.setUint16(18, height, true);
  bytes.set(new Uint8Array(jpeg), 24);
  return bytes;
}

/** A socket to the server of this page. @param {string} search */
export function connect(search) {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/ws${search}`);
  socket.binaryType = 'arraybuffer';
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(socket);
    socket.onerror = () => reject(new Error('the WebSocket does not open'));
  });
}
