/** Figures of the running session, for the details panel and for window.posesync. */

import { element } from "../common.js";

/**
 * All measurements as plain values; ms, or per s.
 * @param {{capture: any, expert: any, connection: any, camera: any, answer: any, phase: string}} parts
 * @param {number} now s
 */
export function figuresOf({ capture, expert, connection, camera, answer }, now) {
  const { roundTrip, fromArrival, encoding, bytes, selfView, sent, answered, skipped } = capture.figures;
  return {
    // From the camera's own time of a frame, where the browser gives it, to its answer …
    roundTrip: roundTrip.summary(),
    // … and from the moment at which the page received the frame.
    fromArrival: fromArrival.summary(),
    encoding: encoding.summary(),
    bytes: bytes.summary(),
    sentPerSecond: sent.perSecond(now),
    answeredPerSecond: answered.perSecond(now),
    skippedPerSecond: skipped.perSecond(now),
    sent: sent.total,
    answered: answered.total,
    skipped: skipped.total,
    selfViewPerSecond: selfView.perSecond(now),
    expertError: Number.isFinite(expert.error) ? expert.error : null,
    expertRate: expert.video.paused ? 0 : expert.video.playbackRate,
    reconnects: connection.reconnects,
    camera: { label: camera.label, width: capture.video.videoWidth, height: capture.video.videoHeight },
    server: answer ? { ...answer.ms, dropped: answer.dropped } : null,
  };
}

/**
 * Show the figures.
 * @param {HTMLElement} list a <dl>
 * @param {ReturnType<typeof figuresOf>} figures
 * @param {import("./protocol.js").Answer|null} answer
 */
export function showFigures(list, figures, answer) {
  const ms = (/** @type {number|null|undefined} */ value) => (value == null ? "–" : `${value.toFixed(0)} ms`);
  const rate = (/** @type {number} */ value) => `${value.toFixed(1)} /s`;
  const { camera, server } = figures;
  const rows = [
    ["Camera", `${camera.width} × ${camera.height}, ${figures.selfViewPerSecond.toFixed(0)} fps`],
    ["Camera to answer", `${ms(figures.roundTrip.p50)}, 95 %: ${ms(figures.roundTrip.p95)}`],
    ["Page to answer", `${ms(figures.fromArrival.p50)}, 95 %: ${ms(figures.fromArrival.p95)}`],
    ["JPEG", `${ms(figures.encoding.p50)}, ${((figures.bytes.p50 ?? 0) / 1000).toFixed(0)} kB`],
    ["On the server", server ? `${ms(server.waited)} + ${ms(server.worked)}` : "–"],
    ["Sent", rate(figures.sentPerSecond)],
    ["Answered", rate(figures.answeredPerSecond)],
    ["Left out", rate(figures.skippedPerSecond)],
    ["Your pace", answer?.position === null || !answer ? "–" : `${answer.speed.toFixed(2)} ×`],
    ["Sure", answer ? `${Math.round(100 * answer.confidence)} %` : "–"],
    ["Expert’s video", figures.expertError === null ? "–" : `${(1000 * figures.expertError).toFixed(0)} ms off`],
    ["Connected again", `${figures.reconnects} ×`],
  ];
  list.replaceChildren(
    ...rows.flatMap(([label, value]) => [element("dt", { text: label }), element("dd", { text: value })]),
  );
}

/**
 * Give tests and developers a read-only view: window.posesync has `version`, `phase`, `paused`, `session`, `answer`
 * (the last one) and `figures()` (figuresOf). Each answer is also an event "posesync:answer" on window, with
 * {message, received (s, performance.now() / 1000)} as its detail.
 * @param {any} page
 */
export function expose(page) {
  const seen = Object.freeze({
    version: 1,
    get phase() {
      return page.phase;
    },
    get paused() {
      return page.paused;
    },
    get session() {
      return page.connection.session;
    },
    get answer() {
      return page.answer;
    },
    figures: () => page.figures(),
  });
  Object.defineProperty(window, "posesync", { value: seen, writable: false, configurable: false });
}
