/** Uploads: videos that are chosen or dropped, sent one after the other, each with its card. */

import { ApiError, element, icon, toast } from "../common.js";
import { upload } from "./api.js";
import { announce, byId } from "./dom.js";
import { size } from "./words.js";

/** Name endings of videos whose type a browser may not know. */
const ENDINGS = /\.(mp4|m4v|mov|webm|mkv|avi|mpe?g|ogv|3gp|ts|mts|wmv|flv)$/i;
/** Shares of a file at which screen readers report progress. */
const SAID = 0.25;

export class Uploads {
  /**
   * @param {HTMLElement} place the list that holds the cards
   * @param {() => void} onChange a card came or went
   * @param {() => Promise<void>} onArrived the server has a new expert
   */
  constructor(place, onChange, onArrived) {
    this._place = place;
    this._onChange = onChange;
    this._onArrived = onArrived;
    this._queue = [];
    this._busy = false;
  }

  /** Files being sent or waiting. */
  get count() {
    return this._queue.length + (this._busy ? 1 : 0);
  }

  /** @param {Iterable<File>} files chosen by the user */
  add(files) {
    for (const file of files) {
      const trouble = objection(file);
      if (trouble) toast(trouble, "error");
      else this._enqueue(file);
    }
    this._onChange();
    void this._work();
  }

  _enqueue(file) {
    const item = { file, cancelled: false, cancel: () => {}, card: null };
    item.card = card(file, () => {
      item.cancelled = true;
      item.cancel();
      if (this._queue.includes(item)) this._leave(item);
    });
    this._queue.push(item);
    this._place.prepend(item.card.root);
  }

  async _work() {
    if (this._busy) return;
    this._busy = true;
    try {
      for (let item = this._queue.shift(); item; item = this._queue.shift()) await this._send(item);
    } finally {
      this._busy = false;
      this._onChange();
    }
  }

  async _send(item) {
    const name = item.file.name;
    try {
      const { done, cancel } = upload(item.file, (share) => item.card.show(share));
      item.cancel = cancel;
      announce(`Sending ${name}`);
      const expert = await done;
      if (expert === null) announce(`${name} was cancelled`);
      else if (expert.state === "ready") toast(`${expert.name} is here already.`);
      else announce(`${name} has arrived and is being prepared`);
      await this._onArrived();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`${name}: ${error.message}`, "error");
    } finally {
      this._leave(item);
    }
  }

  _leave(item) {
    this._queue = this._queue.filter((other) => other !== item);
    // Otherwise the focus would be lost with the button that was just pressed.
    const held = item.card.root.contains(document.activeElement);
    item.card.root.remove();
    this._onChange();
    if (held) byId("add").focus();
  }
}

/**
 * Accept videos that are dropped anywhere on the page, and show that this is possible.
 *
 * @param {HTMLElement} veil shown while files are held over the page
 * @param {(files: FileList) => void} onFiles
 */
export function acceptDrops(veil, onFiles) {
  const holdsFiles = (event) => Array.from(event.dataTransfer?.types ?? []).includes("Files");
  const show = (shown) => {
    veil.hidden = !shown;
  };
  addEventListener("dragenter", (event) => show(holdsFiles(event)));
  addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) show(false);
  });
  addEventListener("drop", (event) => {
    show(false);
    if (!holdsFiles(event)) return;
    // Without this the browser would leave the page for the video.
    event.preventDefault();
    onFiles(event.dataTransfer.files);
  });
}

/**
 * @param {File} file
 * @returns {string | null} why it cannot be an expert's video, or null if it can.
 */
export function objection(file) {
  if (!file.type.startsWith("video/") && !ENDINGS.test(file.name)) {
    return `${file.name} is not a video: choose an MP4, MOV or WebM.`;
  }
  if (file.size === 0) return `${file.name} is empty: choose another video.`;
  return null;
}

function card(file, onCancel) {
  const bar = element("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
  const state = element("p", { class: "muted", text: "Waiting to be sent" });
  const button = element(
    "button",
    { type: "button", class: "button button-quiet card-remove", title: "Cancel", onclick: onCancel },
    icon("close"),
  );
  button.setAttribute("aria-label", `Cancel ${file.name}`);
  const root = element(
    "li",
    { class: "card expert", dataset: { state: "sending" } },
    element("div", { class: "thumb" }, icon("upload")),
    element("div", { class: "card-head" }, element("h3", { text: file.name }), button),
    element("div", { class: "card-body" }, bar, state),
  );
  let said = 0;
  return {
    root,
    /** @param {number} share 0..1 */
    show(share) {
      bar.value = share;
      const sending = `Sending ${Math.floor(100 * share)} % of ${size(file.size)}`;
      state.textContent = share < 1 ? sending : "Being checked";
      if (share - said < SAID || share >= 1) return;
      said = share;
      announce(`${file.name}: ${Math.floor(100 * share)} % sent`);
    },
  };
}
