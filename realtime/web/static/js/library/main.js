/** The library page: experts to practise with, videos to add, sessions to look back on. */

import { ApiError, toast } from "../common.js";
import { listExperts, listSessions, prepareAgain, removeExpert } from "./api.js";
import { ExpertCard } from "./card.js";
import { announce, byId } from "./dom.js";
import { Past } from "./past.js";
import { Uploads, acceptDrops } from "./uploads.js";

/**
 * @typedef {import("./api.js").Expert} Expert
 * @typedef {import("./api.js").Session} Session
 */

/** ms between two requests for the progress of preparation; longer after a failure. */
const LOOK = 700;
const LOOK_AGAIN = 3000;

class Library {
  constructor() {
    /** @type {Map<string, ExpertCard>} */
    this._cards = new Map();
    /** @type {Session[]} */
    this._sessions = [];
    this._past = new Past();
    this._uploads = new Uploads(byId("experts"), () => this._layOut(), () => this.refresh());
    this._timer = 0;
    this._asked = 0;
    this._loaded = false;
    this._wire();
  }

  /** Load experts and history again. */
  async refresh() {
    await this._load(true);
  }

  async _load(withHistory) {
    clearTimeout(this._timer);
    const asked = ++this._asked;
    try {
      // Practice is possible without the history.
      const past = withHistory ? listSessions().catch((error) => error) : this._sessions;
      const [experts, sessions] = await Promise.all([listExperts(), past]);
      // A later request may have been answered first.
      if (asked !== this._asked) return;
      if (Array.isArray(sessions)) this._sessions = sessions;
      this._show(experts);
      if (!Array.isArray(sessions)) throw sessions;
      this._trouble("");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this._trouble(error.message);
      if (asked !== this._asked) return;
      clearTimeout(this._timer);
      this._timer = setTimeout(() => this._load(withHistory), LOOK_AGAIN);
    }
  }

  _of(expert) {
    return this._sessions.filter((session) => session.expert === expert.id);
  }

  /** @param {Expert[]} experts */
  _show(experts) {
    this._loaded = true;
    const here = new Set(experts.map((expert) => expert.id));
    for (const [id, card] of this._cards) {
      if (here.has(id)) continue;
      card.root.remove();
      this._cards.delete(id);
    }
    for (const expert of experts) this._showOne(expert);
    this._past.update(this._sessions);
    this._layOut();
    const busy = experts.some((expert) => expert.state === "waiting" || expert.state === "preparing");
    if (busy) this._timer = setTimeout(() => this._load(false), LOOK);
  }

  _showOne(expert) {
    let card = this._cards.get(expert.id);
    const before = card?.expert.state;
    if (!card) {
      card = new ExpertCard(expert, {
        remove: (asked) => void this._remove(asked),
        again: (asked) => void this._again(asked),
      });
      this._cards.set(expert.id, card);
      byId("experts").append(card.root);
    }
    card.update(expert, this._of(expert));
    if (before === undefined || before === expert.state) return;
    if (expert.state === "ready") toast(`${expert.name} is ready: choose it to practise.`);
    if (expert.state === "failed") announce(`${expert.name} could not be prepared: ${expert.detail}`);
  }

  _layOut() {
    const some = this._cards.size + this._uploads.count > 0;
    byId("loading").hidden = this._loaded || some;
    byId("empty").hidden = !this._loaded || some;
    byId("library").hidden = !some;
    byId("add").hidden = !some;
    byId("main").setAttribute("aria-busy", String(!this._loaded));
  }

  _trouble(words) {
    const place = byId("trouble");
    // Shown once, not with every new attempt.
    if (place.textContent !== words) place.textContent = words;
    place.hidden = !words;
    if (words) byId("loading").hidden = true;
  }

  /** @param {Expert} expert */
  async _remove(expert) {
    const busy = expert.state === "waiting" || expert.state === "preparing";
    if (!busy && expert.state !== "failed" && !(await confirmed(expert.name))) return;
    const held = this._cards.get(expert.id)?.root.contains(document.activeElement);
    try {
      await removeExpert(expert.id);
      announce(`${expert.name} was ${busy ? "cancelled" : "removed"}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, "error");
    }
    await this.refresh();
    if (held && !this._cards.has(expert.id)) (byId("add").hidden ? byId("add-first") : byId("add")).focus();
  }

  /** @param {Expert} expert */
  async _again(expert) {
    try {
      await prepareAgain(expert.id);
      announce(`${expert.name} is prepared again`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, "error");
    }
    await this.refresh();
  }

  _wire() {
    const file = /** @type {HTMLInputElement} */ (byId("file"));
    for (const id of ["add", "add-first"]) byId(id).addEventListener("click", () => file.click());
    file.addEventListener("change", () => {
      this._uploads.add(Array.from(file.files ?? []));
      // The same video may be chosen again after it failed.
      file.value = "";
    });
    acceptDrops(byId("drop"), (files) => this._uploads.add(files));
    // After practice in this or another tab there is one more session.
    addEventListener("pageshow", (event) => event.persisted && this.refresh());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") void this.refresh();
    });
    addEventListener("beforeunload", (event) => this._uploads.count > 0 && event.preventDefault());
  }
}

/**
 * @param {string} name of the expert
 * @returns {Promise<boolean>} whether to remove it.
 */
function confirmed(name) {
  const dialog = /** @type {HTMLDialogElement} */ (byId("remove"));
  const words = `${name} and what was prepared of it will be deleted. Your sessions and reports stay.`;
  byId("remove-words").textContent = words;
  byId("remove-keep").onclick = () => dialog.close();
  dialog.showModal();
  return new Promise((resolve) => {
    byId("remove-go").onclick = () => {
      resolve(true);
      dialog.close();
    };
    // It comes a little after the closing: while the dialog is open, it is word of an earlier question.
    dialog.onclose = () => dialog.open || resolve(false);
  });
}

void new Library().refresh();
