/** Keys and buttons: one table for both and for the help; and when the buttons are out of the way. */

import { element, icon, setIcon } from "../common.js";

/** s without a pointer or a key after which the buttons fade while somebody dances. */
const FADE_AFTER = 3;

/**
 * @typedef {object} Control
 * @property {string} id what is asked for
 * @property {string} key as KeyboardEvent.key says it, lower case
 * @property {string} shown the key, as it is written
 * @property {string} icon
 * @property {string} name of the button
 * @property {string} help what it does
 * @property {"tools"|"bar"|null} place where its button is; null: none, or it is in the page already
 * @property {boolean} [toggles] whether the button shows that something is on
 */

/** @type {readonly Control[]} */
export const CONTROLS = Object.freeze([
  { id: "pause", key: " ", shown: "Space", icon: "pause", name: "Pause", help: "pause, and go on", place: "tools" },
  {
    id: "restart", key: "r", shown: "R", icon: "restart", name: "Restart", place: "tools",
    help: "begin anew: framing, count-in, from the top",
  },
  { id: "begin", key: "enter", shown: "Enter", icon: "play", name: "Begin now", help: "begin now", place: null },
  {
    id: "view", key: "v", shown: "V", icon: "side-by-side", name: "View", place: "tools",
    help: "side by side, the expert's pose on your body, or the expert in a corner",
  },
  { id: "mirror", key: "m", shown: "M", icon: "mirror", name: "Mirror", place: "tools", toggles: true,
    help: "see yourself as in a mirror, or as others see you" },
  {
    id: "guidance", key: "g", shown: "G", icon: "guidance", name: "Guidance", place: "tools",
    help: "how much you see of the expert: everything, only at mistakes, nothing",
  },
  { id: "loop", key: "l", shown: "L", icon: "loop", name: "Loop", place: "tools", toggles: true,
    help: "the section you are in, over and over; or drag on the timeline" },
  { id: "whole", key: "escape", shown: "Esc", icon: "loop", name: "Whole piece", place: null,
    help: "the whole piece again" },
  { id: "sound", key: "n", shown: "N", icon: "sound", name: "Sound", place: "tools", toggles: true,
    help: "the expert's sound" },
  { id: "end", key: "q", shown: "Q", icon: "end", name: "End", help: "end, and see the report", place: "tools" },
  { id: "camera", key: "c", shown: "C", icon: "camera", name: "Camera", help: "choose the camera", place: "bar" },
  { id: "details", key: "h", shown: "H", icon: "details", name: "Details", place: "bar", toggles: true,
    help: "figures of the session" },
  { id: "fullscreen", key: "f", shown: "F", icon: "fullscreen", name: "Full screen", place: "bar", toggles: true,
    help: "the whole screen" },
  { id: "help", key: "?", shown: "?", icon: "help", name: "Help", help: "these keys", place: "bar" },
]);

/**
 * What a key asks for.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, target: any}} event
 * @returns {string|null} the id of a control, or null
 */
export function asked(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = event.key.toLowerCase();
  const kind = String(event.target?.tagName ?? "").toLowerCase();
  // What a key does to the element that has the focus goes first.
  if (kind === "select" || kind === "textarea" || (kind === "input" && event.target.type !== "range")) return null;
  const pressed = ["button", "a", "summary"].includes(kind) && (key === " " || key === "enter");
  return pressed ? null : (CONTROLS.find((control) => control.key === key)?.id ?? null);
}

/** Events: "ask" (detail: the id of a control). */
export class Controls extends EventTarget {
  /**
   * @param {{tools: HTMLElement, bar: HTMLElement, help: HTMLElement}} places to fill
   * @param {() => boolean} mayHide whether buttons may be out of the way now
   */
  constructor(places, mayHide) {
    super();
    this.mayHide = mayHide;
    /** @type {Map<string, HTMLElement>} */
    this.buttons = new Map();
    for (const control of CONTROLS) {
      if (control.place) places[control.place].append(this.button(control));
      const row = [element("dt", {}, element("kbd", { text: control.shown })), element("dd", { text: control.help })];
      places.help.append(...row);
    }
    window.addEventListener("keydown", (event) => this.key(event));
    for (const sign of ["pointermove", "pointerdown", "keydown", "focusin"]) {
      window.addEventListener(sign, () => this.wake(), { passive: true });
    }
    this.wake();
  }

  /** @param {Control} control */
  button({ id, name, shown, icon: sign, toggles }) {
    const made = element(
      "button",
      {
        type: "button",
        id: `do-${id}`,
        class: "button control",
        title: `${name} (${shown})`,
        "aria-label": name,
        "aria-keyshortcuts": shown,
        "aria-pressed": toggles ? "false" : null,
      },
      icon(sign),
      element("span", { class: "control-name", "aria-hidden": "true", text: name }),
    );
    made.addEventListener("click", (event) => {
      // Touched or clicked, a button must not keep the focus: the space bar would press it again.
      if (event.detail > 0) made.blur();
      this.ask(id);
    });
    this.buttons.set(id, made);
    return made;
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const id = asked(event);
    const open = document.querySelector("dialog[open]");
    if (!id || event.repeat || (open && id !== "help")) return;
    event.preventDefault();
    this.ask(id);
  }

  /** @param {string} id */
  ask(id) {
    this.dispatchEvent(new CustomEvent("ask", { detail: id }));
  }

  /**
   * Change how a button looks and is called.
   * @param {string} id
   * @param {{pressed?: boolean, name?: string, says?: string, icon?: string, disabled?: boolean}} to `says` is the
   *   name for screen readers and the tip, where it tells more
   */
  set(id, { pressed, name, says, icon: sign, disabled }) {
    const button = /** @type {HTMLButtonElement|undefined} */ (this.buttons.get(id));
    if (!button) return;
    const shown = CONTROLS.find((control) => control.id === id)?.shown;
    if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
    if (sign) setIcon(button.querySelector("svg"), sign);
    if (disabled !== undefined) button.disabled = disabled;
    const label = button.querySelector(".control-name");
    if (name && label) label.textContent = name;
    if (says ?? name) {
      button.setAttribute("aria-label", /** @type {string} */ (says ?? name));
      button.title = `${says ?? name} (${shown})`;
    }
  }

  /** Somebody is at the device: show the buttons, and hide them when nobody is. */
  wake() {
    document.body.classList.remove("controls-away");
    clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.rest(), 1000 * FADE_AFTER);
  }

  rest() {
    if (this.mayHide()) document.body.classList.add("controls-away");
    else this.timer = window.setTimeout(() => this.rest(), 500);
  }
}

/** @param {HTMLDialogElement} dialog */
export function toggleDialog(dialog) {
  if (dialog.open) dialog.close();
  else dialog.showModal();
}
