/** Draws the performer's skeleton, coloured by its errors. Same colours, widths and marks as in the window. */

import { COLOURS, LIMITS, SKELETON } from "../shared.js";

const SHADOW = css(COLOURS.shadow);
const TEXT = css(COLOURS.text);

/** @param {number} value @param {number} low @param {number} high */
function share(value, low, high) {
  return Math.min(Math.max((value - low) / (high - low), 0), 1);
}

/** @param {readonly number[]} a @param {readonly number[]} b @param {number} part 0 is a, 1 is b */
function mix(a, b, part) {
  return a.map((value, k) => Math.round(value + part * (b[k] - value)));
}

/**
 * The colour of a difference: green, over amber, to red.
 * @param {number} degrees of either sign
 * @returns {number[]} red, green, blue 0..255
 */
export function errorColor(degrees) {
  const size = Math.abs(degrees);
  const { goodBelow, fairAt, poorFrom } = LIMITS;
  if (size < fairAt) return mix(COLOURS.good, COLOURS.fair, share(size, goodBelow, fairAt));
  return mix(COLOURS.fair, COLOURS.poor, share(size, fairAt, poorFrom));
}

/**
 * The colour of a score: green for a good one, over amber, to red.
 * @param {number} score 0..100
 */
export function scoreColor(score) {
  const { scoreGood, scoreFair, scorePoor } = LIMITS;
  if (score > scoreFair) return mix(COLOURS.fair, COLOURS.good, share(score, scoreFair, scoreGood));
  return mix(COLOURS.poor, COLOURS.fair, share(score, scorePoor, scoreFair));
}

/** @param {readonly number[]} color @param {number} fade 0..1 towards grey */
export function css(color, fade = 0) {
  return `rgb(${mix(color, COLOURS.doubt, Math.min(Math.max(fade, 0), 1)).join(" ")})`;
}

/**
 * How far drawings that depend on the position are to fade, 0..1; 0 without a position.
 * @param {{position: number|null, confidence: number}} answer
 */
export function doubt(answer) {
  const { sureFrom, doubtfulAt } = LIMITS;
  return answer.position === null ? 0 : share(sureFrom - answer.confidence, 0, sureFrom - doubtfulAt);
}

/**
 * Keypoints on a canvas that shows the part of the picture given by `placed`, not mirrored.
 * @param {number[][]} keypoints 17 × [x, y, confidence], places as shares of the picture's sides
 * @param {import("./placement.js").Placed} placed
 * @returns {({x: number, y: number}|null)[]} px; null for a keypoint that is not seen
 */
export function onCanvas(keypoints, placed) {
  const { full, left } = placed;
  return keypoints.map(([x, y, confidence]) =>
    confidence > LIMITS.keypointFloor ? { x: x * full.width - left, y: y * full.height } : null,
  );
}

/**
 * Draw the body's bones; a joint that is off has a ring, one that is far off a diamond.
 * @param {CanvasRenderingContext2D} context cleared, in CSS px
 * @param {({x: number, y: number}|null)[]} at px
 * @param {Record<string, number|null>} joints degrees
 * @param {number} width px, of a limb without error
 * @param {number} fade 0..1, how far colours fade to grey
 */
export function drawSkeleton(context, at, joints, width, fade) {
  context.lineCap = "round";
  const strokes = [];
  for (const [a, b, joint] of SKELETON.bones) {
    const [start, end] = [at[/** @type {number} */ (a)], at[/** @type {number} */ (b)]];
    if (!start || !end) continue;
    const degrees = joint === null ? null : (joints[joint] ?? null);
    const severity = degrees === null ? 0 : share(Math.abs(degrees), LIMITS.goodBelow, LIMITS.poorFrom);
    const color = css(degrees === null ? COLOURS.neutral : errorColor(degrees), fade);
    strokes.push({ start, end, color, thick: width * (1 + 0.7 * (1 - fade) * severity) });
  }
  for (const { start, end, thick } of strokes) line(context, start, end, SHADOW, thick + 0.6 * width);
  for (const { start, end, thick, color } of strokes) line(context, start, end, color, thick);
  for (const point of at.slice(SKELETON.body)) {
    if (!point) continue;
    disc(context, point, width, SHADOW);
    disc(context, point, 0.62 * width, TEXT);
  }
  if (fade < 0.5) markJoints(context, at, joints, width);
}

/** @type {(context: CanvasRenderingContext2D, at: any[], joints: Record<string, number|null>, width: number) => void} */
function markJoints(context, at, joints, width) {
  const thin = Math.max(1, 0.6 * width);
  for (const [joint, vertex] of Object.entries(SKELETON.joints)) {
    const [degrees, point] = [joints[joint] ?? null, at[vertex]];
    if (degrees === null || !point || Math.abs(degrees) < LIMITS.fairAt) continue;
    const poor = Math.abs(degrees) >= LIMITS.poorFrom;
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

/** Smooths values against the jitter of single frames; a value that is no longer known is dropped at once. */
export class Smooth {
  /** @param {number} seconds over which */
  constructor(seconds = LIMITS.smoothingSeconds) {
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
