/** Functions of both pages: requests to the server, elements built without HTML, times as text, short notices. */

const SVG = "http://www.w3.org/2000/svg";
/** ms for which a notice stays; one about an error is read more slowly. */
const NOTICE_MS = 4000;
const ERROR_MS = 9000;

/** A failed request; `message` is one line for the user. */
export class ApiError extends Error {
  /**
   * @param {string} message what happened and what to do next
   * @param {number} status HTTP status; 0 when the server was not reached
   */
  constructor(message, status) {
    super(message);
    this.name = "ApiError";
    this.status = status;
  }
}

/**
 * Ask the server for JSON.
 * @param {string} path absolute path on this server
 * @param {RequestInit} [options] as for fetch
 * @returns {Promise<any>} its answer; null for an empty answer
 * @throws {ApiError} the server was not reached, or refused
 */
export async function api(path, options = {}) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("PoseSync does not answer: is it still running? Start posesync serve again.", 0);
  }
  const text = await response.text();
  const json = (response.headers.get("content-type") ?? "").includes("json");
  let body = null;
  try {
    body = json && text ? JSON.parse(text) : null;
  } catch {
    throw new ApiError("PoseSync gave an answer that cannot be read: reload the page.", response.status);
  }
  if (!response.ok) throw new ApiError(refusal(body, text, response.status), response.status);
  return body;
}

/**
 * @param {any} body
 * @param {string} text
 * @param {number} status
 */
function refusal(body, text, status) {
  const said = body?.message ?? body?.detail ?? body?.error?.message ?? body?.error;
  if (typeof said === "string" && said) return said;
  const line = body === null && !text.trimStart().startsWith("<") ? text.split("\n", 1)[0].trim() : "";
  return line.slice(0, 300) || `PoseSync refused (${status}): reload the page.`;
}

/**
 * Seconds as m:ss, or h:mm:ss from an hour on.
 * @param {number|null|undefined} seconds
 * @param {boolean} [tenths] with tenths, as in 1:02.5
 */
export function formatTime(seconds, tenths = false) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  const steps = tenths ? 10 : 1;
  const units = Math.round(Math.max(0, seconds) * steps);
  const whole = Math.floor(units / steps);
  const rest = String(whole % 60).padStart(2, "0") + (tenths ? `.${units % steps}` : "");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
}

/**
 * Build an element; text is always inserted as text, never as HTML.
 *
 * Keys of `props` that begin with "on" are listeners ("onclick"); "class", "dataset" and "text" mean what they
 * say; true and false set and leave out an attribute; everything else is an attribute.
 *
 * @param {string} tag
 * @param {Record<string, any>} [props]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElement}
 */
export function element(tag, props = {}, ...children) {
  const made = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (key === "class") made.className = value;
    else if (key === "text") made.textContent = String(value);
    else if (key === "dataset") Object.assign(made.dataset, value);
    else made.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) if (child || child === "") made.append(child);
  return made;
}

/**
 * An icon of icons.svg; it is hidden from screen readers, so the button around it needs a name.
 * @param {string} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `/static/icons.svg#${name}`);
  svg.append(use);
  return svg;
}

/**
 * Change the icon in an element that icon() made or that the page contains.
 * @param {Element|null} svg
 * @param {string} name
 */
export function setIcon(svg, name) {
  svg?.querySelector("use")?.setAttribute("href", `/static/icons.svg#${name}`);
}

/**
 * Show a short notice, which screen readers read too.
 * @param {string} words
 * @param {"info"|"error"} [kind]
 * @param {string} [topic] a notice takes the place of an earlier one of the same topic
 */
export function toast(words, kind = "info", topic = "") {
  let place = document.querySelector(".toasts");
  if (!place) {
    place = element("div", { class: "toasts", role: "status", "aria-live": "polite" });
    document.body.append(place);
  }
  // A repeated notice is not added again but stays longer, and more than three would cover too much.
  for (const old of [...place.children]) {
    const same = topic !== "" && old instanceof HTMLElement && old.dataset.topic === topic;
    if (same || old.textContent === words) old.remove();
  }
  while (place.children.length > 2) place.firstElementChild?.remove();
  const made = element("div", { class: "toast", dataset: { kind, topic }, text: words });
  place.append(made);
  setTimeout(() => made.remove(), kind === "error" ? ERROR_MS : NOTICE_MS);
}

/**
 * A setting that this browser remembers; without storage (private mode) it is not remembered.
 * @param {string} key
 * @param {string} [fallback]
 * @returns {string}
 */
export function remembered(key, fallback = "") {
  try {
    return localStorage.getItem(`posesync.${key}`) ?? fallback;
  } catch {
    return fallback;
  }
}

/**
 * @param {string} key
 * @param {string} value
 */
export function remember(key, value) {
  try {
    localStorage.setItem(`posesync.${key}`, value);
  } catch {
    // Storage is full or forbidden: the setting holds for this visit.
  }
}
