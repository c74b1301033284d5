/** The two pictures on the screen: lays them out, mirrors them, and draws on them. */

import { LIMITS } from "../shared.js";
import { Smooth, doubt, drawSkeleton, onCanvas } from "./drawing.js";
import { drawGhost } from "./ghost.js";
import { Focus, LAYOUTS, inset, place, sideBySide, torso } from "./placement.js";

/** Width of a limb without error, as a share of the picture's height. */
const LIMB = 1 / 125;
/** s between two drawings, at least: a camera delivers 30 frames a second, some screens show 144. */
const DRAW_EVERY = 0.03;

/** @typedef {import("./protocol.js").Answer} Answer */

/** Draws skeleton and ghost over the self-view; called with every picture that the screen shows. */
export class Pictures {
  /**
   * @param {{room: HTMLElement, you: HTMLElement, expert: HTMLElement, self: HTMLVideoElement,
   *   film: HTMLVideoElement, skeleton: HTMLCanvasElement, ghost: HTMLCanvasElement}} parts `you` and `expert` are
   *   the frames around the self-view and around the expert's film
   */
  constructor(parts) {
    this.parts = parts;
    this.layout = LAYOUTS[0];
    this.mirror = true;
    /** @type {[number, number]} px, of the expert's picture */
    this.expertSize = [16, 9];
    /** @type {Answer|null} */
    this.answer = null;
    this.focus = new Focus();
    this.expertFocus = new Focus();
    this.joints = new Smooth();
    this.insetLeft = false;
    this.stale = true;
    this.shown = "";
    this.updated = 0;
    this.drawn = -1;
    // Measured only when it changes: measuring with every picture would force a page layout each time.
    this.room = { x: 0, y: 0, width: 0, height: 0 };
    new ResizeObserver(([{ contentRect }]) => {
      this.room = { x: 0, y: 0, width: contentRect.width, height: contentRect.height };
      this.stale = true;
    }).observe(parts.room);
  }

  /** @param {Answer|null} answer the newest; null when nothing is known any more */
  take(answer) {
    const passed = answer && this.answer ? answer.captured - this.answer.captured : -1;
    if (answer) this.joints.update(answer.joints, passed);
    this.answer = answer;
    this.stale = true;
  }

  /** @param {string} layout one of LAYOUTS */
  setLayout(layout) {
    this.layout = LAYOUTS.includes(layout) ? layout : LAYOUTS[0];
    this.stale = true;
  }

  /** @param {boolean} mirror show the performer as in a mirror */
  setMirror(mirror) {
    this.mirror = mirror;
    this.stale = true;
  }

  /** @param {number} now s */
  update(now) {
    const passed = this.updated ? now - this.updated : 1e9;
    this.updated = now;
    this.look(this.focus, this.answer ? torso(this.answer.keypoints) : null, passed);
    this.look(this.expertFocus, this.answer?.focus ?? null, passed);
    const size = `${this.parts.self.videoWidth}x${this.parts.self.videoHeight} ${devicePixelRatio}`;
    if (size !== this.shown) this.stale = true;
    // A screen draws more often than a camera delivers frames, and smooth movement needs no more than those.
    if (!this.stale || now - this.drawn < DRAW_EVERY) return;
    this.stale = false;
    this.drawn = now;
    this.shown = size;
    this.arrange();
  }

  /** @type {(focus: Focus, target: number|null, passed: number) => void} */
  look(focus, target, passed) {
    const before = focus.center;
    focus.update(target, passed);
    if (before === null ? focus.center !== null : Math.abs((focus.center ?? 0) - before) > 2e-4) this.stale = true;
  }

  arrange() {
    const { parts, answer, room } = this;
    if (room.width < 2 || room.height < 2) return;
    const you = {
      width: parts.self.videoWidth || 16,
      height: parts.self.videoHeight || 9,
      focus: this.focus.center,
    };
    const [width, height] = this.expertSize;
    const expert = { width, height, focus: this.expertFocus.center };
    const remembered = answer?.show.expert === false;
    const placed = this.places(room, you, expert, remembered);
    parts.expert.hidden = placed.expert === null;
    parts.ghost.hidden = this.layout !== "ghost"; // an empty layer costs as much as a full one
    parts.expert.classList.toggle("from-memory", remembered);
    parts.expert.classList.toggle("resting", answer?.phase !== "running" || answer.position === null);
    parts.expert.classList.toggle("small", this.layout === "picture-in-picture");
    show(parts.you, parts.self, placed.you, this.mirror);
    // Both pictures point the same way, even if the performer does the piece with left and right exchanged.
    if (placed.expert) show(parts.expert, parts.film, placed.expert, this.mirror !== Boolean(answer?.mirrored));
    this.draw(placed.you);
  }

  /**
   * @param {import("./placement.js").Box} room
   * @param {import("./placement.js").Picture} you
   * @param {import("./placement.js").Picture} expert
   * @param {boolean} remembered the expert is hidden, and done from memory
   */
  places(room, you, expert, remembered) {
    if (this.layout === "side-by-side") {
      const [first, second] = sideBySide(room, you, expert);
      return { you: first, expert: second };
    }
    const large = place(you, room);
    if (this.layout === "ghost" || remembered) return { you: large, expert: null };
    this.chooseCorner(large, room);
    return { you: large, expert: inset(room, large, expert, this.insetLeft) };
  }

  /** @type {(large: import("./placement.js").Placed, room: import("./placement.js").Box) => void} */
  chooseCorner(large, room) {
    if (this.focus.center === null) return;
    const inside = this.focus.center * large.full.width - large.left;
    const x = large.box.x + (this.mirror ? large.box.width - inside : inside);
    const off = (x - room.x) / room.width - 0.5;
    if (Math.abs(off) > LIMITS.insetSlack) this.insetLeft = off > 0;
  }

  /** @param {import("./placement.js").Placed} placed the performer's picture */
  draw(placed) {
    const { parts, answer } = this;
    const above = fitCanvas(parts.skeleton, placed.box);
    const below = fitCanvas(parts.ghost, placed.box);
    if (!answer || !above || !below) return;
    const fade = doubt(answer);
    const thick = Math.max(2, placed.full.height * LIMB);
    drawSkeleton(above, onCanvas(answer.keypoints, placed), known(answer, this.joints.values), thick, fade);
    if (this.layout === "ghost" && answer.ghost) drawGhost(below, onCanvas(answer.ghost, placed), fade);
  }
}

/** @type {(answer: Answer, smooth: Record<string, number>) => Record<string, number|null>} */
function known(answer, smooth) {
  return Object.fromEntries(Object.keys(answer.joints).map((name) => [name, smooth[name] ?? null]));
}

/**
 * @param {HTMLElement} frame
 * @param {HTMLVideoElement} video inside of it
 * @param {import("./placement.js").Placed} placed
 * @param {boolean} flip
 */
function show(frame, video, { box, full, left }, flip) {
  const { style } = frame;
  style.transform = `translate(${box.x.toFixed(1)}px, ${box.y.toFixed(1)}px)`;
  style.width = `${box.width.toFixed(1)}px`;
  style.height = `${box.height.toFixed(1)}px`;
  video.style.width = `${full.width.toFixed(1)}px`;
  video.style.height = `${full.height.toFixed(1)}px`;
  video.style.transform = `translateX(${(-left).toFixed(1)}px)`;
  frame.classList.toggle("flipped", flip);
}

/**
 * Clear a canvas and make it as large as its place; draw on it in CSS px.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} box
 * @returns {CanvasRenderingContext2D|null}
 */
function fitCanvas(canvas, box) {
  // Two device px per CSS px are enough for lines: more only costs time.
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [Math.round(box.width * ratio), Math.round(box.height * ratio)];
  const context = canvas.getContext("2d");
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  } else {
    context?.setTransform(1, 0, 0, 1, 0, 0);
    context?.clearRect(0, 0, width, height);
  }
  context?.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}
