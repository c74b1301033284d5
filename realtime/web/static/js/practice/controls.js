/** Keys and buttons, the help that lists them, and when the buttons are hidden. */

import { element, icon, setIcon } from "../common.js";
import { KEYS } from "../shared.js";

/** s without a pointer or a key after which the buttons fade during practice. */
const FADE_AFTER = 3;

/**
 * Place and icon of each button; keys that are missing here have their button in the page already, or none. Keys and
 * words are shared with the window.
 * @type {Record<string, {place: "tools"|"bar", icon: string, toggles?: boolean}>}
 */
const BUTTONS = {
  pause: { place: "tools", icon: "pause" },
  restart: { place: "tools", icon: "restart" },
  view: { place: "tools", icon: "side-by-side" },
  mirror: { place: "tools", icon: "mirror", toggles: true },
  guidance: { place: "tools", icon: "guidance" },
  loop: { place: "tools", icon: "loop", toggles: true },
  sound: { place: "tools", icon: "sound", toggles: true },
  quit: { place: "tools", icon: "end" },
  camera: { place: "bar", icon: "camera" },
  details: { place: "bar", icon: "details", toggles: true },
  fullscreen: { place: "bar", icon: "fullscreen", toggles: true },
  help: { place: "bar", icon: "help" },
};

/**
 * The action that a key asks for.
 * @param {{key: string, ctrlKey: boolean, metaKey: boolean, altKey: boolean, target: any}} event
 * @returns {string|null} one of KEYS, or null
 */
export function asked(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const key = event.key.toLowerCase();
  const kind = String(event.target?.tagName ?? "").toLowerCase();
  // The focused element's own use of a key comes first.
  if (kind === "select" || kind === "textarea" || (kind === "input" && event.target.type !== "range")) return null;
  const pressed = ["button", "a", "summary"].includes(kind) && (key === " " || key === "enter");
  return pressed ? null : (Object.keys(KEYS).find((id) => KEYS[id].key === key) ?? null);
}

/** Events: "ask" (detail: one of KEYS). */
export class Controls extends EventTarget {
  /**
   * @param {{tools: HTMLElement, bar: HTMLElement, help: HTMLElement}} places to fill
   * @param {() => boolean} mayHide whether the buttons may be hidden now
   */
  constructor(places, mayHide) {
    super();
    this.mayHide = mayHide;
    /** @type {Map<string, HTMLElement>} */
    this.buttons = new Map();
    for (const [id, { shown, help }] of Object.entries(KEYS)) {
      if (BUTTONS[id]) places[BUTTONS[id].place].append(this.button(id));
      places.help.append(element("dt", {}, element("kbd", { text: shown })), element("dd", { text: help }));
    }
    window.addEventListener("keydown", (event) => this.key(event));
    for (const sign of ["pointermove", "pointerdown", "keydown", "focusin"]) {
      window.addEventListener(sign, () => this.wake(), { passive: true });
    }
    this.wake();
  }

  /** @param {string} id */
  button(id) {
    const { name, shown } = KEYS[id];
    const { icon: sign, toggles } = BUTTONS[id];
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
      // A touched or clicked button must not keep the focus: the space bar would press it again.
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
   * Change a button's look and name.
   * @param {string} id
   * @param {{pressed?: boolean, name?: string, says?: string, icon?: string, disabled?: boolean}} to `says` is a
   *   longer name for screen readers and the tooltip
   */
  set(id, { pressed, name, says, icon: sign, disabled }) {
    const button = /** @type {HTMLButtonElement|undefined} */ (this.buttons.get(id));
    if (!button) return;
    if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
    if (sign) setIcon(button.querySelector("svg"), sign);
    if (disabled !== undefined) button.disabled = disabled;
    const label = button.querySelector(".control-name");
    if (name && label) label.textContent = name;
    if (says ?? name) {
      button.setAttribute("aria-label", /** @type {string} */ (says ?? name));
      button.title = `${says ?? name} (${KEYS[id].shown})`;
    }
  }

  /** Show the buttons, because somebody is at the device, and hide them after a while. */
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
