/** Text for an answer: one message to read, one for screen readers. Pure logic. */

import { LIMITS, WORDS } from "../shared.js";

/** @typedef {import("./protocol.js").Answer} Answer */
/** @typedef {{text: string, more: string, tone: string}} Message `tone`: plain, good, calm, warn or bad */

/**
 * The most important message: advice on where to stand, else a correction, else the tracker's state.
 * @param {Answer} answer
 * @returns {Message}
 */
export function messageOf(answer) {
  if (answer.phase === "count-in") return { text: "Get ready", more: "", tone: "calm" };
  if (answer.framing) return { text: capital(answer.framing), more: "", tone: "calm" };
  if (answer.phase === "framing") return { text: capital(answer.hint ?? "find your place"), more: "", tone: "calm" };
  if (answer.phase === "ready") return { text: capital(answer.hint ?? "ready"), more: "", tone: "good" };
  if (answer.cue) return { text: capital(answer.cue.text), more: "", tone: "warn" };
  if (answer.doubtful) return WORDS.doubtful;
  const state = WORDS.states[answer.state];
  const { speed } = answer.timing;
  if (answer.state !== "following" || speed === null || speed < LIMITS.leastPace) return state;
  // No more precise than the words at the pace's bar, which show the same measurement.
  return { ...state, more: filled(WORDS.pace, { speed: speed.toFixed(1) }) };
}

/** @param {string} text */
export function capital(text) {
  return text ? text[0].toUpperCase() + text.slice(1) : text;
}

/**
 * A text with names in {braces} replaced by values.
 * @param {string} text
 * @param {Record<string, string>} values
 */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** Text for screen readers: only news, and each message at most once in a while. */
export class Speech {
  /** @param {number} [again] s after which the same may be said again */
  constructor(again = 6) {
    this.again = again;
    this.state = "";
    this.framing = "";
    this.countdown = "";
    /** @type {Map<string, number>} text → s at which it was said */
    this.said = new Map();
  }

  /**
   * @param {Answer} answer
   * @param {number} now s
   * @returns {string|null} what to say, or null
   */
  update(answer, now) {
    const text = this.news(answer);
    this.state = known(answer);
    this.framing = answer.framing ?? "";
    this.countdown = answer.countdown ?? "";
    if (!text || now - (this.said.get(text) ?? -Infinity) < this.again) return null;
    for (const [old, at] of this.said) if (now - at > this.again) this.said.delete(old);
    this.said.set(text, now);
    return text;
  }

  /** @param {Answer} answer */
  news(answer) {
    if (answer.countdown && answer.countdown !== this.countdown) return answer.countdown;
    if (answer.framing && answer.framing !== this.framing) return capital(answer.framing);
    if (answer.phase !== "running") return null;
    if (answer.said && answer.cue) return capital(answer.cue.text);
    // A performer who holds a pose knows it.
    const state = known(answer);
    if (state === this.state || state === "holding") return null;
    return (state === "doubtful" ? WORDS.doubtful : WORDS.states[state]).text;
  }
}

/** @param {Answer} answer @returns {string} its state, or "doubtful" */
function known(answer) {
  return answer.doubtful ? "doubtful" : answer.state;
}

/**
 * Where the marker of the pace is: the logarithm, so that half and twice the expert's are at the ends.
 * @param {Answer} answer
 * @returns {number|null} −1 dragging .. 1 rushing; null: not known
 */
export function paceOf(answer) {
  const { speed } = answer.timing;
  if (answer.position === null || speed === null) return null;
  return Math.min(Math.max(Math.log2(Math.max(speed, 0.5)), -1), 1);
}

/** Mean score from which a session went well: there colours are nearer to green than to amber. */
const WELL = 70;
/** Share of the frames in which the performer must have been followed for that to count. */
const MOSTLY = 0.5;

/**
 * Whether the session deserves praise: followed to the end of the piece, for most of the time, with a good score.
 * @param {any} summary of the session, as in its log
 */
export function earned(summary) {
  const done = summary?.states?.finished > 0 || summary?.repetitions > 0;
  return done && summary.score >= WELL && summary.coverage >= MOSTLY;
}

/**
 * The session's end in words.
 * @param {{why: string, report: string|null, summary: any}} ended
 * @returns {{title: string, text: string}}
 */
export function endWords(ended) {
  const ending = earned(ended.summary) ? "Well done" : "Session over";
  const title = { asked: ending, idle: "The session has ended", shutdown: "PoseSync was stopped" }[ended.why];
  const reasons = {
    idle: "Nobody was in front of the camera for a while.",
    shutdown: "To practise on, start posesync serve again and open the address it prints.",
    failed: "PoseSync could not go on. What the terminal says where it runs tells why.",
  };
  const reason = reasons[/** @type {keyof typeof reasons} */ (ended.why)] ?? "";
  /** @type {string[]} */
  const missing = ended.summary?.missing ?? [];
  const none = ended.report || missing.length ? "" : "There was too little to see for a report.";
  const text = [reason, ...missing, none].filter(Boolean).join(" ");
  return { title: title ?? "The session has failed", text };
}
