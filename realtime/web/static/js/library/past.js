/** Past sessions: which are shown, their chart, and the list with its reports. */

import { element, formatTime, icon } from "../common.js";
import { progressChart } from "./chart.js";
import { byId } from "./dom.js";
import { isNumber, when, whole } from "./words.js";

/** @typedef {import("./api.js").Session} Session */

/** Sessions listed at first, and added each time the user asks for more. */
const PAGE = 10;
const ALL = "";

export class Past {
  constructor() {
    this._sessions = [];
    this._count = PAGE;
    this._choices = "";
    this._news = "";
    this._which = /** @type {HTMLSelectElement} */ (byId("which"));
    this._which.addEventListener("change", () => {
      this._count = PAGE;
      this._render();
    });
    byId("more").addEventListener("click", () => this._more());
  }

  /** @param {Session[]} sessions the oldest first */
  update(sessions) {
    // Rebuilt only when something is new: focus and unfolded parts stay.
    const news = JSON.stringify(sessions);
    if (news === this._news) return;
    this._news = news;
    this._sessions = sessions;
    byId("past").hidden = sessions.length === 0;
    if (sessions.length) this._render();
  }

  _render() {
    this._choose();
    const chosen = this._which.value;
    const shown = this._sessions.filter((session) => chosen === ALL || pieceOf(session) === chosen);
    // Scores of different pieces cannot be compared.
    const one = new Set(shown.map(pieceOf)).size === 1;
    byId("chart").hidden = !one;
    byId("chart").replaceChildren(...(one ? [progressChart(shown)] : []));
    const newest = shown.slice().reverse();
    const listed = newest.slice(0, this._count);
    byId("sessions").replaceChildren(...listed.map((session) => row(session)));
    const more = newest.length - listed.length;
    byId("more").hidden = more === 0;
    byId("more").textContent = `Show ${Math.min(more, PAGE)} more of ${newest.length}`;
  }

  _choose() {
    const names = new Map();
    for (const session of this._sessions) names.set(pieceOf(session), nameOf(session));
    const choices = JSON.stringify([...names]);
    if (choices === this._choices) return;
    this._choices = choices;
    byId("filter").hidden = names.size === 1;
    // At first the piece that was practised last, which is the most likely one to look for.
    const before = this._which.options.length ? this._which.value : null;
    const options = [...names].map(([piece, name]) => element("option", { value: piece, text: name }));
    if (names.size > 1) options.unshift(element("option", { value: ALL, text: "all experts" }));
    this._which.replaceChildren(...options);
    const still = names.has(before) || (before === ALL && names.size > 1);
    this._which.value = still ? before : pieceOf(this._sessions[this._sessions.length - 1]);
  }

  _more() {
    const first = this._count;
    this._count += PAGE;
    this._render();
    // Move the focus to the first new entry, for keyboard users.
    const next = byId("sessions").children[first];
    if (next instanceof HTMLElement) next.querySelector("a")?.focus();
  }
}

function row(session) {
  const name = nameOf(session);
  const at = when(session.at);
  const scored = isNumber(session.score);
  const title = session.report
    ? element("a", { class: "card-link", href: session.report, target: "_blank", rel: "noopener" }, name)
    : element("span", { text: name });
  if (session.report) title.append(hidden(`, report of ${at}, in a new tab`));
  const parts = [
    isNumber(session.form) ? `Form ${whole(session.form)}` : null,
    isNumber(session.timing) ? `Timing ${whole(session.timing)}` : null,
    isNumber(session.seconds) ? `${formatTime(session.seconds)} of practice` : null,
  ];
  return element(
    "li",
    { class: "session" },
    element(
      "p",
      { class: "session-score", dataset: { scored } },
      hidden(scored ? "Score " : "No score"),
      element("span", { "aria-hidden": !scored && "true", text: whole(session.score) }),
    ),
    element(
      "div",
      { class: "session-words" },
      element("p", { class: "session-name" }, title),
      element("p", { class: "muted" }, element("time", { datetime: session.at, text: at })),
      element("p", { class: "muted", text: parts.filter(Boolean).join(" · ") }),
    ),
    session.report ? icon("report") : null,
  );
}

function hidden(words) {
  return element("span", { class: "visually-hidden", text: words });
}

function pieceOf(session) {
  return session.reference?.sha256 || session.reference?.file || "?";
}

function nameOf(session) {
  return session.reference?.file || "unnamed expert";
}
