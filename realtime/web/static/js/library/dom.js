/** What this page needs beyond common.js. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * As common.js's `element`, for drawings; text is always text.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} [attributes]
 * @param {...(Node | string)} children
 * @returns {SVGElement}
 */
export function draw(tag, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/**
 * @param {string} id
 * @returns {HTMLElement} of this page.
 * @throws {Error} there is none: page and script are not of one version.
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}: load it again without the cache`);
  return found;
}

/**
 * Say something to screen readers alone.
 *
 * @param {string} words
 */
export function announce(words) {
  byId("said").textContent = words;
}
