/** One expert as a card, updated in place so that focus and scrolling stay where they are. */

import { element, formatTime, icon } from "../common.js";
import { sparkline } from "./chart.js";
import { isNumber, timeLeft, whole } from "./words.js";

/**
 * @typedef {import("./api.js").Expert} Expert
 * @typedef {import("./api.js").Session} Session
 */

export class ExpertCard {
  /**
   * @param {Expert} expert
   * @param {{remove: (expert: Expert) => void, again: (expert: Expert) => void}} doing what its buttons do:
   *   remove or cancel it; prepare it again
   */
  constructor(expert, doing) {
    this.expert = expert;
    this._shown = "";
    this._link = element("a", { class: "card-link", text: expert.name });
    this._thumb = element("div", { class: "thumb" });
    this._body = element("div", { class: "card-body" });
    this._again = element("button", {
      type: "button",
      class: "button card-again",
      onclick: () => doing.again(this.expert),
    });
    this._bar = element("progress", { max: 1, "aria-label": `Preparing ${expert.name}` });
    this._state = element("p", { class: "muted" });
    this._button = element("button", {
      type: "button",
      class: "button button-quiet card-remove",
      onclick: () => doing.remove(this.expert),
    });
    const head = element("div", { class: "card-head" }, element("h3", {}, this._link), this._button);
    this.root = element("li", { class: "card expert" }, this._thumb, head, this._body);
  }

  /**
   * @param {Expert} expert as it is now
   * @param {Session[]} sessions of this expert, the oldest first
   */
  update(expert, sessions) {
    this.expert = expert;
    this._progress(expert);
    // Rebuilt only when something has changed: a picture would flicker.
    const shown = JSON.stringify([expert.state, expert.detail, expert.name, sessions]);
    if (shown === this._shown) return;
    this._shown = shown;
    this.root.dataset.state = expert.state;
    this._link.textContent = expert.name;
    const practice = `/practice/${encodeURIComponent(expert.id)}`;
    if (expert.state === "ready") this._link.setAttribute("href", practice);
    else this._link.removeAttribute("href");
    this._picture(expert);
    this._body.replaceChildren(...this._words(expert, sessions));
    this._label(expert);
  }

  _picture(expert) {
    const tall = (expert.height ?? 0) > (expert.width ?? 0);
    this._thumb.className = tall ? "thumb thumb-tall" : "thumb";
    if (expert.state !== "ready") {
      this._thumb.replaceChildren(icon(expert.state === "failed" ? "warning" : "library"));
      return;
    }
    const image = element("img", {
      src: `/media/${encodeURIComponent(expert.id)}/thumbnail.jpg`,
      alt: "",
      loading: "lazy",
      decoding: "async",
      onerror: () => image.replaceWith(icon("library")),
    });
    const badge = element("span", { class: "badge" });
    badge.append(element("span", { class: "visually-hidden", text: "Length " }), formatTime(expert.duration));
    this._thumb.replaceChildren(image, badge);
  }

  _words(expert, sessions) {
    if (expert.state === "failed") {
      const why = expert.detail || "It could not be prepared: try another video.";
      return [element("p", { class: "failed", text: why }), this._again];
    }
    if (expert.state !== "ready") return [this._bar, this._state];
    const warning = expert.detail ? [element("p", { class: "muted", text: expert.detail })] : [];
    const scores = sessions.map((session) => session.score).filter(isNumber);
    if (!scores.length) return [element("p", { class: "muted", text: practised(sessions.length) }), ...warning];
    const figures = element(
      "dl",
      { class: "figures" },
      figure("Last score", scores[scores.length - 1]),
      figure("Best", Math.max(...scores)),
    );
    return [element("div", { class: "card-scores" }, figures, sparkline(sessions)), ...warning];
  }

  _progress(expert) {
    const known = expert.state === "preparing" && isNumber(expert.progress);
    if (known) this._bar.setAttribute("value", String(expert.progress));
    else this._bar.removeAttribute("value");
    const share = isNumber(expert.progress) ? `${Math.floor(100 * expert.progress)} %` : "";
    const words = ["Preparing", share, timeLeft(expert.left)].filter(Boolean).join(" · ");
    const shown = expert.state === "waiting" ? "Waiting for its turn" : words;
    // Written only when it changes, so that a screen reader does not start again.
    if (this._state.textContent !== shown) this._state.textContent = shown;
  }

  _label(expert) {
    const busy = expert.state === "waiting" || expert.state === "preparing";
    this._again.replaceChildren(icon("restart"), "Try again");
    this._again.setAttribute("aria-label", `Try again with ${expert.name}`);
    this._button.hidden = !expert.uploaded;
    this._button.setAttribute("aria-label", `${busy ? "Cancel" : "Remove"} ${expert.name}`);
    this._button.title = busy ? "Cancel" : "Remove";
    this._button.replaceChildren(icon(busy ? "close" : "trash"));
  }
}

function figure(name, score) {
  return element("div", {}, element("dt", { text: name }), element("dd", { text: whole(score) }));
}

function practised(count) {
  if (!count) return "Not practised yet";
  return `${count} session${count === 1 ? "" : "s"}, no score yet`;
}
