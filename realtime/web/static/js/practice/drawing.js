/** The performer's skeleton, coloured by what is off. Same colours, widths and marks as the window's. */

const BONES = [
  [5, 6, null], [11, 12, null], [5, 11, null], [6, 12, null],
  [5, 7, "left_shoulder"], [6, 8, "right_shoulder"], [7, 9, "left_elbow"], [8, 10, "right_elbow"],
  [11, 13, "left_hip"], [12, 14, "right_hip"], [13, 15, "left_knee"], [14, 16, "right_knee"],
];
/** The keypoint at which a joint sits. */
const VERTEX = {
  left_shoulder: 5, right_shoulder: 6, left_elbow: 7, right_elbow: 8,
  left_hip: 11, right_hip: 12, left_knee: 13, right_knee: 14,
};
/** The first keypoint that does not belong to the face, where lines would only hide it. */
const BODY = 5;
/** Confidence from which a keypoint is seen. */
export const SEEN = 0.15;
/** Confidence of the position from which nothing is faded, and at and below which everything is. */
const SURE_FROM = 0.5;
const DOUBTFUL_AT = 0.25;

/** Told apart in the common kinds of colour blindness; thickness and marks say the same a second time. */
export const GOOD = [0x2f, 0xd3, 0xa5];
export const FAIR = [0xff, 0xb8, 0x4d];
export const POOR = [0xff, 0x5a, 0x5f];
const DOUBT = [0x7d, 0x87, 0x94];
const NEUTRAL = [0xdf, 0xe6, 0xee];
const SHADOW = "#0b0d10";
const TEXT = "#f3f5f7";

/** Degrees at which a limb is fully green, amber, red. */
const GOOD_BELOW = 10;
export const FAIR_AT = 22;
export const POOR_FROM = 38;

/** @param {number} value @param {number} low @param {number} high */
function share(value, low, high) {
  return Math.min(Math.max((value - low) / (high - low), 0), 1);
}

/** @param {number[]} a @param {number[]} b @param {number} part 0 is a, 1 is b */
function mix(a, b, part) {
  return a.map((value, k) => Math.round(value + part * (b[k] - value)));
}

/**
 * Green, over amber at FAIR_AT, to red from POOR_FROM degrees on.
 * @param {number} degrees of either sign
 * @returns {number[]} red, green, blue 0..255
 */
export function errorColor(degrees) {
  const size = Math.abs(degrees);
  if (size < FAIR_AT) return mix(GOOD, FAIR, share(size, GOOD_BELOW, FAIR_AT));
  return mix(FAIR, POOR, share(size, FAIR_AT, POOR_FROM));
}

/**
 * Green from 85, over amber at 60, to red at 35 and below.
 * @param {number} score 0..100
 */
export function scoreColor(score) {
  return score > 60 ? mix(FAIR, GOOD, share(score, 60, 85)) : mix(POOR, FAIR, share(score, 35, 60));
}

/** @param {number[]} color @param {number} fade 0..1 towards grey */
export function css(color, fade = 0) {
  return `rgb(${mix(color, DOUBT, Math.min(Math.max(fade, 0), 1)).join(" ")})`;
}

/**
 * How far what depends on the position is to fade, 0..1; 0 without a position.
 * @param {{position: number|null, confidence: number}} answer
 */
export function doubt(answer) {
  return answer.position === null ? 0 : share(SURE_FROM - answer.confidence, 0, SURE_FROM - DOUBTFUL_AT);
}

/**
 * Keypoints on a canvas that shows the part of the picture that `placed` says, not mirrored.
 * @param {number[][]} keypoints 17 × [x, y, confidence], places as shares of the picture's sides
 * @param {import("./placement.js").Placed} placed
 * @returns {({x: number, y: number}|null)[]} px; null for what is not seen
 */
export function onCanvas(keypoints, placed) {
  const { full, left } = placed;
  return keypoints.map(([x, y, confidence]) =>
    confidence > SEEN ? { x: x * full.width - left, y: y * full.height } : null,
  );
}

/**
 * Draw the body's bones; a joint that is off wears a ring, one that is far off a diamond.
 * @param {CanvasRenderingContext2D} context cleared, in CSS px
 * @param {({x: number, y: number}|null)[]} at px
 * @param {Record<string, number|null>} joints degrees
 * @param {number} width px, of a limb without error
 * @param {number} fade 0..1, how much of the colour is taken away
 */
export function drawSkeleton(context, at, joints, width, fade) {
  context.lineCap = "round";
  const strokes = [];
  for (const [a, b, joint] of BONES) {
    const [start, end] = [at[/** @type {number} */ (a)], at[/** @type {number} */ (b)]];
    if (!start || !end) continue;
    const degrees = joint === null ? null : (joints[joint] ?? null);
    const severity = degrees === null ? 0 : share(Math.abs(degrees), GOOD_BELOW, POOR_FROM);
    const color = css(degrees === null ? NEUTRAL : errorColor(degrees), fade);
    strokes.push({ start, end, color, thick: width * (1 + 0.7 * (1 - fade) * severity) });
  }
  for (const { start, end, thick } of strokes) line(context, start, end, SHADOW, thick + 0.6 * width);
  for (const { start, end, thick, color } of strokes) line(context, start, end, color, thick);
  for (const point of at.slice(BODY)) {
    if (!point) continue;
    disc(context, point, width, SHADOW);
    disc(context, point, 0.62 * width, TEXT);
  }
  if (fade < 0.5) markJoints(context, at, joints, width);
}

/** @type {(context: CanvasRenderingContext2D, at: any[], joints: Record<string, number|null>, width: number) => void} */
function markJoints(context, at, joints, width) {
  const thin = Math.max(1, 0.6 * width);
  for (const [joint, vertex] of Object.entries(VERTEX)) {
    const [degrees, point] = [joints[joint] ?? null, at[vertex]];
    if (degrees === null || !point || Math.abs(degrees) < FAIR_AT) continue;
    const poor = Math.abs(degrees) >= POOR_FROM;
    const reach = (poor ? 3.4 : 2.1) * width;
    context.beginPath();
    if (poor) {
      context.moveTo(point.x, point.y - reach);
      context.lineTo(point.x + reach, point.y);
      context.lineTo(point.x, point.y + reach);
      context.lineTo(point.x - reach, point.y);
      context.closePath();
    } else {
      context.arc(point.x, point.y, reach, 0, 2 * Math.PI);
    }
    context.lineJoin = "round";
    context.strokeStyle = SHADOW;
    context.lineWidth = 2 * thin + 2;
    context.stroke();
    context.strokeStyle = css(errorColor(degrees));
    context.lineWidth = poor ? thin + 1 : thin;
    context.stroke();
  }
}

/** @type {(context: CanvasRenderingContext2D, a: any, b: any, color: string, width: number) => void} */
function line(context, a, b, color, width) {
  context.strokeStyle = color;
  context.lineWidth = Math.max(1, width);
  context.beginPath();
  context.moveTo(a.x, a.y);
  context.lineTo(b.x, b.y);
  context.stroke();
}

/** @type {(context: CanvasRenderingContext2D, at: any, radius: number, color: string) => void} */
function disc(context, at, radius, color) {
  context.fillStyle = color;
  context.beginPath();
  context.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  context.fill();
}

/** Values without the jitter of single frames; what is not known any more is forgotten at once. */
export class Smooth {
  /** @param {number} seconds over which */
  constructor(seconds = 0.35) {
    this.seconds = seconds;
    /** @type {Record<string, number>} */
    this.values = {};
  }

  /**
   * @param {Record<string, number|null>} values
   * @param {number} passed s since the last call
   * @returns {Record<string, number>} those that are known
   */
  update(values, passed) {
    const part = passed >= 0 ? 1 - Math.exp(-passed / this.seconds) : 1;
    const known = Object.entries(values).filter(([, value]) => value !== null);
    this.values = Object.fromEntries(
      known.map(([name, value]) => {
        const before = this.values[name] ?? value;
        return [name, before + part * (value - before)];
      }),
    );
    return this.values;
  }
}
