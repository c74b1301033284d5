/** Draws scores over the sessions, in any width: positions are in per cent. */

import { element } from "../common.js";
import { draw } from "./dom.js";
import { day, isNumber, when, whole } from "./words.js";

/** @typedef {import("./api.js").Session} Session */

const PLOT = { top: 8, high: 160, foot: 24 };
const SPARK = { top: 4, high: 28, foot: 4 };
const LEVELS = [0, 25, 50, 75, 100];
/** Points; a smaller change counts as none. */
const CHANGE = 1;

/**
 * A small line of one expert's scores.
 *
 * @param {Session[]} sessions the oldest first
 * @returns {SVGElement | null} null when there are not two scores to join.
 */
export function sparkline(sessions) {
  const scores = scoresOf(sessions);
  if (scores.length < 2) return null;
  const last = scores.length - 1;
  const end = place(last, scores.length);
  return draw(
    "svg",
    { class: "spark", role: "img", "aria-label": inWords(scores), height: height(SPARK) },
    line(scores, SPARK),
    draw("circle", { class: "dot", cx: end, cy: down(scores[last], SPARK), r: 3.5 }),
  );
}

/**
 * The large chart with its axis, and the same in words.
 *
 * @param {Session[]} sessions the oldest first
 * @returns {HTMLElement}
 */
export function progressChart(sessions) {
  const scored = sessions.filter((session) => isNumber(session.score));
  if (scored.length < 2) {
    const words = scored.length ? "One session with a score so far" : "No session with a score yet";
    return element("p", { class: "muted" }, `${words}: the chart begins with the second.`);
  }
  const scores = scoresOf(scored);
  const marks = scored.map((session, index) => dot(session, index, scored.length));
  const words = inWords(scores);
  const title = `Scores over your sessions. ${words}`;
  return element(
    "figure",
    { class: "chart" },
    element("figcaption", {}, words),
    element(
      "div",
      { class: "plot" },
      draw("svg", { "aria-hidden": "true", height: height(PLOT) }, ...axis()),
      draw(
        "svg",
        { role: "img", "aria-label": title, height: height(PLOT) },
        ...LEVELS.map(level),
        line(scores, PLOT),
        ...marks,
        label(day(scored[0].at), "0%", "start"),
        label(day(scored[scored.length - 1].at), "100%", "end"),
      ),
    ),
  );
}

/**
 * @param {number[]} scores the oldest first, one at least
 * @returns {string} what the line shows.
 */
export function inWords(scores) {
  const [first, last, best] = [scores[0], scores[scores.length - 1], Math.max(...scores)];
  const change = last - first;
  const much = whole(Math.abs(change));
  const by = `${much} ${change > 0 ? "more" : "fewer"} than at first`;
  const way = Math.abs(change) < CHANGE ? "as at the first" : by;
  return `${scores.length} sessions: last score ${whole(last)}, ${way}; best ${whole(best)}.`;
}

function scoresOf(sessions) {
  return sessions.map((session) => session.score).filter(isNumber);
}

function line(scores, plot) {
  const points = scores.map((score, index) => {
    const x = (1000 * index) / (scores.length - 1);
    return `${x.toFixed(1)},${(100 - clamped(score)).toFixed(1)}`;
  });
  const box = { x: 0, y: plot.top, width: "100%", height: plot.high, viewBox: "0 0 1000 100" };
  return draw(
    "svg",
    { ...box, preserveAspectRatio: "none", class: "stretched" },
    draw("path", { class: "area", d: `M0,100L${points.join("L")}L1000,100Z` }),
    draw("path", { class: "line", d: `M${points.join("L")}` }),
  );
}

function dot(session, index, count) {
  const words = `${when(session.at)}: ${whole(session.score)} of 100`;
  const at = { cx: place(index, count), cy: down(session.score, PLOT) };
  // The wide, invisible shape is only a target for the pointer.
  return draw(
    "g",
    {},
    draw("title", {}, words),
    draw("circle", { class: "reach", ...at, r: 12 }),
    draw("circle", { class: "dot", ...at, r: count > 40 ? 2.5 : 4 }),
  );
}

function axis() {
  return LEVELS.map((value) => {
    const place = { x: "85%", y: down(value, PLOT) + 4, "text-anchor": "end" };
    return draw("text", place, String(value));
  });
}

function level(value) {
  const y = down(value, PLOT);
  return draw("line", { class: "grid", x1: "0", x2: "100%", y1: y, y2: y });
}

function label(words, x, anchor) {
  return draw("text", { x, y: height(PLOT) - 4, "text-anchor": anchor }, words);
}

function place(index, count) {
  return `${((100 * index) / Math.max(1, count - 1)).toFixed(2)}%`;
}

function height(plot) {
  return plot.top + plot.high + plot.foot;
}

function down(score, plot) {
  return plot.top + plot.high * (1 - clamped(score) / 100);
}

function clamped(score) {
  return Math.min(100, Math.max(0, score));
}
