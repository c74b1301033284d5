/** Text below and over the pictures: message, count-in, score, pace, place in the piece. */

import { formatTime } from "../common.js";
import { LIMITS, WORDS } from "../shared.js";
import { Smooth, css, doubt, scoreColor } from "./drawing.js";
import { Speech, messageOf, paceOf } from "./words.js";

/** Sizes of the message as shares of the largest, the best first: longer text gets smaller type, then more lines. */
const SIZES = Object.freeze([1, 0.85, 0.72, 0.6, 0.5]);

/** @typedef {import("./protocol.js").Answer} Answer */

export class Hud {
  /** @param {(id: string) => any} find an element of the page by its id */
  constructor(find) {
    this.message = find("message");
    this.words = find("message-text");
    this.more = find("message-more");
    this.live = find("live");
    this.countdown = find("countdown");
    this.score = find("score");
    this.scoreNumber = find("score-number");
    this.scoreArc = find("score-arc");
    this.pace = find("pace");
    this.paceMark = find("pace-mark");
    this.now = find("clock-now");
    this.begin = find("begin");
    this.smooth = new Smooth();
    this.speech = new Speech();
    this.said = "";
    this.figuresAt = -Infinity;
    this.doubtful = false;
    /** @type {Answer["timing"]} as it was last shown */
    this.timing = { score: null, label: null, speed: null };
    /** @type {number|null} */
    this.captured = null;
    new ResizeObserver(() => this.fit()).observe(this.message);
  }

  /**
   * @param {Answer} answer
   * @param {number} now s
   */
  show(answer, now) {
    const fade = doubt(answer);
    const passed = this.captured === null ? -1 : answer.captured - this.captured;
    this.captured = answer.captured;
    this.smooth.update({ score: answer.score }, passed);
    // A score that is no longer stated disappears at once.
    if (now - this.figuresAt >= LIMITS.figuresEvery || answer.doubtful !== this.doubtful) {
      this.figuresAt = now;
      this.doubtful = answer.doubtful;
      this.timing = answer.timing;
      this.figures(answer, fade);
    }
    // The pace's figure and its bar's marker change together.
    const { text, more, tone } = messageOf({ ...answer, timing: this.timing });
    this.say(text, more, tone);
    this.message.classList.toggle("doubtful", answer.doubtful);
    const count = answer.countdown ?? "";
    if (this.countdown.textContent !== count) {
      this.countdown.textContent = count;
      this.countdown.hidden = !count;
    }
    this.begin.hidden = answer.phase === "running" || answer.phase === "count-in";
    const heard = this.speech.update(answer, now);
    if (heard) this.live.textContent = heard;
  }

  /**
   * Show a message, in the largest type that holds it.
   * @param {string} text
   * @param {string} [more] smaller, after it
   * @param {string} [tone]
   */
  say(text, more = "", tone = "plain") {
    const said = `${tone}|${text}|${more}`;
    if (said === this.said) return;
    this.said = said;
    this.words.textContent = text;
    this.more.textContent = more;
    this.message.dataset.tone = tone;
    this.fit();
  }

  fit() {
    for (const size of SIZES) {
      this.message.style.setProperty("--size", String(size));
      const { scrollHeight, clientHeight, scrollWidth, clientWidth } = this.message;
      if (scrollHeight <= clientHeight + 1 && scrollWidth <= clientWidth + 1) return;
    }
  }

  /** Clear score, pace and place, because nothing is known. */
  clear() {
    this.captured = null;
    this.countdown.hidden = true;
    this.countdown.textContent = "";
    this.score.dataset.known = "false";
    this.scoreNumber.textContent = "–";
    this.showPace(null, null);
    this.now.textContent = formatTime(null);
  }

  /** @type {(answer: Answer, fade: number) => void} */
  figures(answer, fade) {
    const { score } = this.smooth.values;
    const known = score !== undefined;
    this.score.dataset.known = String(known);
    const number = known ? String(Math.round(score)) : "–";
    this.scoreNumber.textContent = number;
    this.score.setAttribute("aria-label", known ? `Score ${number} of 100` : "Score: not known yet");
    this.scoreArc.setAttribute("stroke-dashoffset", String(100 - (known ? score : 0)));
    if (known) this.scoreArc.setAttribute("stroke", css(scoreColor(score), fade));
    this.now.textContent = formatTime(answer.position, true);
    this.showPace(paceOf(answer), answer.timing.label);
  }

  /** @type {(pace: number|null, label: string|null) => void} the word is the one that was judged */
  showPace(pace, label) {
    const known = pace !== null && label !== null;
    this.pace.dataset.known = String(known);
    const word = known ? WORDS.timing[label] : "not known yet";
    this.pace.dataset.pace = known ? label : "";
    this.pace.setAttribute("aria-label", `Pace: ${word}`);
    this.paceMark.style.left = `${(50 + 43 * (known ? pace : 0)).toFixed(1)}%`;
  }
}
