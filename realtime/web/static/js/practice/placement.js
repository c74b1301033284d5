/** Decides where the pictures of performer and expert go, and which part of each is seen. Pure logic; in CSS px. */

import { LIMITS, SKELETON, WORDS } from "../shared.js";

/** @typedef {{x: number, y: number, width: number, height: number}} Box */

/**
 * A picture in its place: `box` is the visible part; `full` is the size of the whole picture, scaled, which is
 * moved `left` px to the left.
 * @typedef {object} Placed
 * @property {Box} box
 * @property {{width: number, height: number}} full
 * @property {number} left
 */

/**
 * A picture to be placed.
 * @typedef {object} Picture
 * @property {number} width px, its own
 * @property {number} height px
 * @property {number|null} focus 0..1 of its width, where the person is; null: unknown, so all of it is shown
 */

/** Least width of a picture around a person, in heights: arms spread wide still fit. */
const NARROWEST = 0.62;
/** Gap between two pictures, px. */
const GAP = 12;
/** The small picture's size at most, as shares of the room's sides (`tall` in a tall room); px to the edge. */
const INSET = Object.freeze({ height: 0.46, width: 0.36, tall: 0.55, margin: 12 });

/** The layouts, in the order in which the key goes through them. */
export const LAYOUTS = Object.freeze(Object.keys(WORDS.views));

/** @param {Picture} picture */
function aspects(picture) {
  const whole = picture.width / picture.height;
  return { whole, least: picture.focus === null ? whole : Math.min(whole, NARROWEST) };
}

/**
 * The largest view of a picture in a box; a picture wider than the box is cropped around the person.
 * @param {Picture} picture
 * @param {Box} box
 * @returns {Placed}
 */
export function place(picture, box) {
  const { whole, least } = aspects(picture);
  const height = Math.max(1, Math.min(box.height, box.width / least));
  const full = { width: height * whole, height };
  const width = Math.min(full.width, box.width);
  const wanted = (picture.focus ?? 0.5) * full.width - width / 2;
  return {
    box: { x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height },
    full,
    left: Math.min(Math.max(wanted, 0), full.width - width),
  };
}

/**
 * Two pictures of equal height beside each other, or of equal width above each other, whichever shows people larger
 * with more around them.
 * @param {Box} room
 * @param {Picture} first
 * @param {Picture} second
 * @returns {[Placed, Placed]}
 */
export function sideBySide(room, first, second) {
  const row = inRow(room, first, second);
  const column = inColumn(room, first, second);
  const people = (/** @type {[Placed, Placed]} */ pair) => Math.min(pair[0].full.height, pair[1].full.height);
  const seen = (/** @type {[Placed, Placed]} */ pair) =>
    pair.reduce((sum, { box }) => sum + box.width * box.height, 0);
  // Two narrow pictures in a row would leave half of a tall screen empty, for people only a little larger.
  return people(column) * seen(column) > people(row) * seen(row) ? column : row;
}

/** @type {(room: Box, first: Picture, second: Picture) => [Placed, Placed]} */
function inRow(room, first, second) {
  const [a, b] = [aspects(first), aspects(second)];
  const width = Math.max(2, room.width - GAP);
  const height = Math.max(1, Math.min(room.height, width / (a.least + b.least)));
  // Width beyond the least is shared by both, as far as they have more to show.
  const spare = width - height * (a.least + b.least);
  const more = [height * (a.whole - a.least), height * (b.whole - b.least)];
  const firstMore = Math.min(more[0], Math.max(spare / 2, spare - more[1]));
  const secondMore = Math.min(more[1], spare - firstMore);
  const widths = [height * a.least + firstMore, height * b.least + secondMore];
  const x = room.x + (room.width - widths[0] - GAP - widths[1]) / 2;
  const y = room.y + (room.height - height) / 2;
  return [
    place(first, { x, y, width: widths[0], height }),
    place(second, { x: x + widths[0] + GAP, y, width: widths[1], height }),
  ];
}

/** @type {(room: Box, first: Picture, second: Picture) => [Placed, Placed]} */
function inColumn(room, first, second) {
  const height = Math.max(1, (room.height - GAP) / 2);
  const upper = place(first, { x: room.x, y: room.y, width: room.width, height });
  const lower = place(second, { x: room.x, y: room.y, width: room.width, height });
  // Centred as a pair: two wide pictures on a tall screen stay together.
  const y = room.y + (room.height - upper.box.height - GAP - lower.box.height) / 2;
  upper.box.y = y;
  lower.box.y = y + upper.box.height + GAP;
  return [upper, lower];
}

/**
 * The expert small, in the upper corner away from the performer.
 * @param {Box} room
 * @param {Placed} performer
 * @param {Picture} expert
 * @param {boolean} onLeft
 * @returns {Placed}
 */
export function inset(room, performer, expert, onLeft) {
  const { margin } = INSET;
  const share = room.height > room.width ? INSET.tall : INSET.width;
  // There may be more room beside a narrow picture than in it.
  const beside = (room.width - performer.box.width) / 2 - 2 * margin;
  const widest = Math.max(share * room.width, beside);
  const highest = beside > share * room.width ? room.height - 2 * margin : INSET.height * room.height;
  const placed = place(expert, { x: 0, y: 0, width: widest, height: highest });
  const around = beside > placed.box.width ? room : performer.box;
  placed.box.x = onLeft ? around.x + margin : around.x + around.width - margin - placed.box.width;
  placed.box.y = around.y + margin;
  return placed;
}

/** Distance of a crop's centre from the person at most, as a share of the picture's width. */
const REACH = 0.16;

/**
 * Where a person is across the picture.
 * @param {number[][]} keypoints 17 × [x 0..1, y, confidence]
 * @returns {number|null} 0..1, the middle of the torso; null when it is not seen
 */
export function torso(keypoints) {
  const seen = SKELETON.trunk.map((k) => keypoints[k]).filter((point) => point && point[2] > LIMITS.keypointFloor);
  if (!seen.length) return null;
  return Math.min(Math.max(seen.reduce((sum, point) => sum + point[0], 0) / seen.length, 0), 1);
}

/** The centre of a cropped picture, moving smoothly. */
export class Focus {
  constructor() {
    /** @type {number|null} */
    this.center = null;
  }

  /**
   * @param {number|null} target 0..1 of the picture's width; null: nothing new
   * @param {number} passed s since the last call
   */
  update(target, passed) {
    if (target === null) return;
    const before = this.center ?? target;
    const moved = before + (target - before) * (1 - Math.exp(-Math.max(0, passed) / LIMITS.followSeconds));
    this.center = Math.min(Math.max(moved, target - REACH), target + REACH);
  }
}
