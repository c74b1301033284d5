/** Formats figures for reading. */

const WHEN = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

/**
 * @param {number | null | undefined} value
 * @returns {string} rounded, "–" for none.
 */
export function whole(value) {
  return isNumber(value) ? String(Math.round(value)) : "–";
}

/**
 * @param {number | null | undefined} seconds
 * @returns {string} as in "about 40 s left"; "" for none.
 */
export function timeLeft(seconds) {
  if (!isNumber(seconds)) return "";
  if (seconds < 1.5) return "almost there";
  if (seconds < 90) return `about ${seconds < 10 ? Math.ceil(seconds) : Math.ceil(seconds / 5) * 5} s left`;
  return `about ${Math.round(seconds / 60)} min left`;
}

/**
 * @param {number} bytes
 * @returns {string} "12 MB"
 */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/**
 * @param {string} iso a moment in ISO 8601
 * @returns {string} day and time in the user's locale, "" for an invalid moment.
 */
export function when(iso) {
  return formatted(WHEN, iso);
}

/**
 * @param {string} iso a moment in ISO 8601
 * @returns {string} the day alone.
 */
export function day(iso) {
  return formatted(DAY, iso);
}

/**
 * @param {unknown} value
 * @returns {value is number} whether it is a finite number.
 */
export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function formatted(format, iso) {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? "" : format.format(at);
}
