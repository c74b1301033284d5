/** Draws the expert's pose on the performer's body, as a translucent shape to fill, as in the window. */

import { COLOURS, GHOST, SKELETON } from "../shared.js";

/**
 * Draw the ghost.
 * @param {CanvasRenderingContext2D} context cleared, of a canvas used for nothing else
 * @param {({x: number, y: number}|null)[]} at 17 places in px; without shoulders and hips nothing is drawn
 * @param {number} fade 0..1; at 1, half of the opacity is left
 */
export function drawGhost(context, at, fade) {
  const trunk = trunkLength(at);
  if (trunk < 2) return;
  const opacity = GHOST.opacity * (1 - 0.5 * fade);
  const body = bodyPath(at, trunk);
  context.lineJoin = "round";
  context.strokeStyle = `rgb(${COLOURS.text.join(" ")} / ${Math.min(1, 2 * opacity)})`;
  context.lineWidth = Math.max(3, 0.05 * trunk);
  context.stroke(body);
  // Remove the lines inside the shape and keep its outline, so that the rest is filled evenly.
  context.globalCompositeOperation = "destination-out";
  context.fillStyle = "#000";
  context.fill(body);
  context.globalCompositeOperation = "source-over";
  context.fillStyle = `rgb(${COLOURS.calm.join(" ")} / ${opacity})`;
  context.fill(body);
}

/**
 * Shoulders to hips, px, at least in proportion to the shoulders' width; 0 when they are not all seen.
 * @param {({x: number, y: number}|null)[]} at
 */
export function trunkLength(at) {
  const [a, b, c, d] = SKELETON.trunk.map((k) => at[k]);
  if (!a || !b || !c || !d) return 0;
  const length = Math.hypot(a.x + b.x - c.x - d.x, a.y + b.y - c.y - d.y) / 2;
  return Math.max(length, GHOST.leastTrunk * Math.hypot(a.x - b.x, a.y - b.y));
}

/**
 * The body, in parts of the same winding, so that filling their union leaves neither holes nor darker overlaps.
 * @param {({x: number, y: number}|null)[]} at
 * @param {number} trunk px
 */
function bodyPath(at, trunk) {
  const path = new Path2D();
  const corners = SKELETON.trunk.map((k) => /** @type {{x: number, y: number}} */ (at[k]));
  polygon(path, corners);
  // The trunk is wider than the points on it: a limb along each of its edges.
  for (let k = 0; k < corners.length; k += 1) {
    limb(path, corners[k], corners[(k + 1) % corners.length], GHOST.trunk * trunk, GHOST.trunk * trunk);
  }
  for (const [a, b, first, last] of GHOST.limbs) {
    const [start, end] = [at[a], at[b]];
    if (start && end) limb(path, start, end, first * trunk, last * trunk);
  }
  const face = at.slice(0, SKELETON.body).filter((point) => point !== null && point !== undefined);
  if (face.length) {
    const head = middle(face);
    const neck = middle(corners.slice(0, 2));
    limb(path, neck, head, GHOST.neck[0] * trunk, GHOST.neck[1] * trunk);
    const lean = Math.atan2(head.y - neck.y, head.x - neck.x) + Math.PI / 2;
    const round = new Path2D();
    round.ellipse(head.x, head.y, GHOST.head[0] * trunk, GHOST.head[1] * trunk, lean, 0, 2 * Math.PI);
    path.addPath(round);
  }
  return path;
}

/** @param {{x: number, y: number}[]} points */
function middle(points) {
  const sum = points.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }), { x: 0, y: 0 });
  return { x: sum.x / points.length, y: sum.y / points.length };
}

/**
 * Add a limb that narrows from radius `first` to `last`, with round ends.
 * @type {(path: Path2D, a: {x: number, y: number}, b: {x: number, y: number}, first: number, last: number) => void}
 */
function limb(path, a, b, first, last) {
  circle(path, a, first);
  circle(path, b, last);
  const length = Math.hypot(b.x - a.x, b.y - a.y);
  if (length < 1e-6) return;
  const [across, along] = [(a.y - b.y) / length, (b.x - a.x) / length];
  polygon(path, [
    { x: a.x + first * across, y: a.y + first * along },
    { x: b.x + last * across, y: b.y + last * along },
    { x: b.x - last * across, y: b.y - last * along },
    { x: a.x - first * across, y: a.y - first * along },
  ]);
}

/** @type {(path: Path2D, at: {x: number, y: number}, radius: number) => void} */
function circle(path, at, radius) {
  path.moveTo(at.x + radius, at.y);
  path.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  path.closePath();
}

/**
 * Add a polygon with the same winding as circles.
 * @param {Path2D} path
 * @param {{x: number, y: number}[]} points
 */
function polygon(path, points) {
  let area = 0;
  points.forEach((point, k) => {
    const next = points[(k + 1) % points.length];
    area += point.x * next.y - next.x * point.y;
  });
  const turned = area < 0 ? [...points].reverse() : points;
  path.moveTo(turned[0].x, turned[0].y);
  for (const point of turned.slice(1)) path.lineTo(point.x, point.y);
  path.closePath();
}
