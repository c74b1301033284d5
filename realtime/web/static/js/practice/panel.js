/** The card over the pictures: requests to the user, errors, and the session's end. */

import { element, formatTime, icon } from "../common.js";
import { endWords } from "./words.js";

/**
 * @typedef {{name: string, icon?: string, primary?: boolean, href?: string, apart?: boolean, act?: () => void}} Action
 *   `apart`: the link opens in a page of its own
 */

const LIBRARY = Object.freeze({ name: "Library", icon: "library", href: "/" });

export class Panel {
  /** @param {(id: string) => any} find an element of the page by its id */
  constructor(find) {
    this.root = find("card");
    this.title = find("card-title");
    this.body = find("card-body");
    this.actions = find("card-actions");
    /** Why it is shown; "" while it is not. */
    this.why = "";
  }

  /** @param {string} [why] only when it is shown for this */
  hide(why = this.why) {
    if (why !== this.why) return;
    this.why = "";
    this.root.hidden = true;
  }

  /**
   * @param {string} why for hide()
   * @param {string} title
   * @param {(Node|string)[]} body
   * @param {Action[]} actions
   */
  show(why, title, body, actions) {
    const fresh = this.root.hidden || this.why !== why;
    this.why = why;
    this.title.textContent = title;
    this.body.replaceChildren(...body.map((part) => (typeof part === "string" ? element("p", { text: part }) : part)));
    this.actions.replaceChildren(...actions.map(button));
    this.root.hidden = false;
    // Enter presses the first button; a card that is only updated must not take the focus.
    if (fresh) (this.actions.querySelector(".button-primary") ?? this.root).focus({ preventScroll: true });
  }

  /**
   * Ask for the camera, and say what happens to the pictures.
   * @param {() => void} act
   */
  askForCamera(act) {
    this.show(
      "ask",
      "Your camera, please",
      [
        "You see yourself beside the expert, who follows your pace. Your browser will now ask whether this page may " +
          "use the camera.",
        "The pictures go to the computer that runs PoseSync and nowhere else.",
      ],
      [{ name: "Turn on the camera", icon: "camera", primary: true, act }, LIBRARY],
    );
  }

  /**
   * @param {{kind: string, message: string}} error of the camera
   * @param {() => void} act tries again
   * @param {(() => void)|null} choose picks another camera
   */
  cameraFailed(error, act, choose) {
    const again = { name: "Try again", icon: "restart", primary: true, act };
    const another = choose ? [{ name: "Another camera", icon: "camera", act: choose }] : [];
    const actions = error.kind === "insecure" ? [LIBRARY] : [again, ...another, LIBRARY];
    this.show("camera", error.kind === "denied" ? "The camera is blocked" : "No camera", [error.message], actions);
  }

  /** @param {any} expert one that is not ready, as the library's API gives it */
  preparing(expert) {
    const known = typeof expert.progress === "number";
    const bar = element("progress", { max: 1, value: known ? expert.progress : null, "aria-label": "Prepared so far" });
    const left = typeof expert.left === "number" ? `About ${formatTime(expert.left)} left.` : "";
    this.show("preparing", "The expert is being prepared", [`${expert.name}. ${left}`, bar], [LIBRARY]);
  }

  /** @param {string} title @param {string} words what happened, and what to do @param {Action[]} actions */
  trouble(title, words, actions) {
    this.show("trouble", title, [words.charAt(0).toUpperCase() + words.slice(1)], [...actions, LIBRARY]);
  }

  /** @param {{why: string, report: string|null, summary: any}} ended @param {() => void} again @returns {string} its title */
  ended(ended, again) {
    const { title, text } = endWords(ended);
    const report = ended.report
      ? [{ name: "See the report", icon: "report", primary: true, href: ended.report, apart: true }]
      : [];
    const anew = { name: "Practise again", icon: "restart", primary: !ended.report, act: again };
    this.show("ended", title, text ? [text, summary(ended.summary)] : [summary(ended.summary)], [...report, anew, LIBRARY]);
    return title;
  }
}

/** @param {any} values of the session, as in its log */
function summary(values) {
  const number = (/** @type {unknown} */ value) => (typeof value === "number" && Number.isFinite(value) ? value : null);
  const [score, coverage, seconds] = [values?.score, values?.coverage, values?.duration].map(number);
  const rows = [
    ["Score", score === null ? "–" : String(Math.round(score))],
    ["Time", formatTime(seconds, seconds !== null && seconds < 10)],
    ["Found in the piece", coverage === null ? "–" : `${Math.round(100 * coverage)} %`],
  ];
  const parts = rows.map(([label, value]) =>
    element("div", {}, element("dt", { text: label }), element("dd", { text: value })),
  );
  return element("dl", { class: "summary" }, ...parts);
}

/** @param {Action} action */
function button({ name, icon: sign, primary, href, apart, act }) {
  const look = primary ? "button button-primary" : "button";
  const inside = [sign ? icon(sign) : null, element("span", { text: name })];
  if (!href) return element("button", { type: "button", class: look, onclick: act }, ...inside);
  const target = apart ? { target: "_blank", rel: "noopener" } : {};
  return element("a", { class: look, href, ...target }, ...inside);
}
