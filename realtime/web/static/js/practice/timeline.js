/** The piece as a bar: its sections, the performer's place, and the part to repeat, set by dragging. */

import { element, formatTime } from "../common.js";
import { LIMITS } from "../shared.js";

const SHORTEST = LIMITS.shortestPart;
/** px of movement from which a touch counts as a drag. */
const DRAG_FROM = 8;
/** s that an arrow key moves an end by. */
const KEY_STEP = 0.5;

/**
 * A part between two places on the bar.
 * @param {number} a s
 * @param {number} b s
 * @param {number} duration s
 * @returns {[number, number]} in order, inside the piece, at least SHORTEST long if the piece is
 */
export function part(a, b, duration) {
  const inside = (/** @type {number} */ value) => Math.min(Math.max(value, 0), duration);
  let [from, to] = [Math.min(inside(a), inside(b)), Math.max(inside(a), inside(b))];
  if (to - from < SHORTEST) {
    const middle = Math.min(Math.max((from + to) / 2, SHORTEST / 2), Math.max(duration - SHORTEST / 2, SHORTEST / 2));
    [from, to] = [Math.max(0, middle - SHORTEST / 2), Math.min(duration, middle + SHORTEST / 2)];
  }
  return [round(from), round(to)];
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

/**
 * The section at a place: the last one that has begun, or the whole piece if there are none.
 * @param {[number, number, string][]} sections
 * @param {number} place s
 * @param {number} duration s
 * @returns {[number, number, string]}
 */
export function sectionAt(sections, place, duration) {
  const begun = sections.filter(([from]) => from <= place + 1e-6);
  return begun.at(-1) ?? sections[0] ?? [0, duration, ""];
}

/** Events: "section" (detail: [from, to] or null): the user has chosen. */
export class Timeline extends EventTarget {
  /** @param {HTMLElement} root an empty element with a role and a name */
  constructor(root) {
    super();
    this.root = root;
    this.duration = 0;
    /** @type {[number, number, string][]} */
    this.sections = [];
    /** @type {[number, number]|null} */
    this.section = null;
    /** @type {{pointer: number, from: number, x: number, dragged: boolean}|null} */
    this.drag = null;
    this.parts = element("div", { class: "timeline-parts" });
    this.fill = element("div", { class: "timeline-fill" });
    this.loop = element("div", { class: "timeline-loop", hidden: true });
    this.head = element("div", { class: "timeline-head", hidden: true });
    this.ends = ["from", "to"].map((which) => this.makeEnd(which));
    root.replaceChildren(
      element("div", { class: "timeline-bar" }, this.fill, this.parts),
      this.loop, this.head, ...this.ends,
    );
    root.addEventListener("pointerdown", (event) => this.begin(event));
    root.addEventListener("pointermove", (event) => this.move(event));
    root.addEventListener("pointerup", (event) => this.end(event));
    root.addEventListener("pointercancel", () => this.cancel());
  }

  /**
   * @param {string} which
   * @returns {HTMLElement}
   */
  makeEnd(which) {
    const end = element("div", {
      class: "timeline-end",
      role: "slider",
      tabindex: "0",
      hidden: true,
      "aria-label": which === "from" ? "Beginning of the practised part" : "End of the practised part",
      "aria-valuemin": "0",
    });
    end.addEventListener("keydown", (event) => this.key(event, which));
    return end;
  }

  /**
   * @param {number} duration s
   * @param {[number, number, string][]} sections
   */
  setPiece(duration, sections) {
    this.duration = duration;
    this.sections = sections;
    const borders = sections.filter(([from]) => from > 0 && from < duration);
    this.parts.replaceChildren(
      ...borders.map(([from]) => {
        const border = element("i");
        border.style.left = this.percent(from);
        return border;
      }),
    );
    for (const end of this.ends) end.setAttribute("aria-valuemax", duration.toFixed(1));
    this.show(this.section);
  }

  /**
   * Show which part is practised, without an event.
   * @param {[number, number]|null} section
   */
  setSection(section) {
    this.section = section;
    this.show(section);
  }

  /**
   * Show where the performer is.
   * @param {number|null} position s
   * @param {number} fade 0..1, how doubtful that is
   */
  setPosition(position, fade) {
    this.head.hidden = position === null;
    this.fill.hidden = position === null;
    if (position === null) return;
    this.head.style.left = this.percent(position);
    this.fill.style.width = this.percent(position);
    this.fill.style.opacity = String(1 - 0.6 * fade);
  }

  /** @param {number} seconds */
  percent(seconds) {
    return `${(100 * Math.min(Math.max(seconds / Math.max(this.duration, 1e-6), 0), 1)).toFixed(3)}%`;
  }

  /** @param {[number, number]|null} section */
  show(section) {
    this.loop.hidden = section === null;
    for (const end of this.ends) end.hidden = section === null;
    if (!section) return;
    this.loop.style.left = this.percent(section[0]);
    this.loop.style.right = this.percent(this.duration - section[1]);
    section.forEach((value, k) => {
      this.ends[k].style.left = this.percent(value);
      this.ends[k].setAttribute("aria-valuenow", value.toFixed(1));
      this.ends[k].setAttribute("aria-valuetext", formatTime(value, true));
    });
  }

  /** @param {PointerEvent} event @returns {number} s in the piece */
  timeAt(event) {
    const { left, width } = this.root.getBoundingClientRect();
    return (this.duration * (event.clientX - left)) / Math.max(width, 1);
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0 || !this.duration) return;
    const held = this.ends.indexOf(/** @type {HTMLElement} */ (event.target));
    // Dragging one end of the part moves only that end.
    const from = held >= 0 && this.section ? this.section[1 - held] : this.timeAt(event);
    this.drag = { pointer: event.pointerId, from, x: event.clientX, dragged: false };
    this.root.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    drag.dragged ||= Math.abs(event.clientX - drag.x) >= DRAG_FROM;
    if (drag.dragged) this.show(part(drag.from, this.timeAt(event), this.duration));
  }

  /** @param {PointerEvent} event */
  end(event) {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    this.drag = null;
    if (drag.dragged) {
      this.choose(part(drag.from, this.timeAt(event), this.duration));
    } else if (this.section) {
      this.choose(null);
    } else {
      const [from, to] = sectionAt(this.sections, this.timeAt(event), this.duration);
      this.choose([from, to]);
    }
  }

  cancel() {
    this.drag = null;
    this.show(this.section);
  }

  /** @param {KeyboardEvent} event @param {string} which */
  key(event, which) {
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -5, PageUp: 5 };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (!step || !this.section) return;
    event.preventDefault();
    event.stopPropagation();
    const [from, to] = this.section;
    const moved = KEY_STEP * step;
    const least = (/** @type {number} */ value) => Math.max(value, 0);
    this.choose(
      which === "from"
        ? [round(least(Math.min(from + moved, to - SHORTEST))), to]
        : [from, round(Math.min(Math.max(to + moved, from + SHORTEST), this.duration))],
    );
  }

  /** @param {[number, number]|null} section */
  choose(section) {
    this.setSection(section);
    this.dispatchEvent(new CustomEvent("section", { detail: section }));
  }
}
