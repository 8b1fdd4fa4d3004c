/** What is searched for: the form's fields as they stand in an address, and as the server asks. */

const FIELDS = /** @type {const} */ (['search', 'from', 'to', 'order']);
const DEFAULT_ORDER = 'newest';

/**
 * @param {HTMLFormElement} form
 * @returns {string} of the page's own address; empty when all calls are wanted as usual
 */
export function searchOf(form) {
  const query = new URLSearchParams();
  for (const [name, value] of valuesOf(new FormData(form))) {
    if (name !== 'order' || value !== DEFAULT_ORDER) query.set(name, value);
  }
  return query.toString();
}

/**
 * @param {FormData} data
 * @returns {[string, string][]} the fields that are filled in
 */
function valuesOf(data) {
  return FIELDS.flatMap((name) => {
    const value = String(data.get(name) ?? '').trim();
    return value ? [/** @type {[string, string]} */ ([name, value])] : [];
  });
}

/**
 * A day as whoever looks at the page means it.
 *
 * @param {string} date `YYYY-MM-DD`
 * @param {number} [later] days
 * @returns {number} Unix time of its midnight here
 */
export function dayStart(date, later = 0) {
  const [year = 0, month = 1, day = 1] = date.split('-').map(Number);
  return new Date(year, month - 1, day + later).getTime() / 1000;
}

/**
 * @param {HTMLFormElement} form
 * @param {number} offset
 * @param {number} limit
 */
export function queryOf(form, offset, limit) {
  return query(new FormData(form), offset, limit);
}

/**
 * @param {FormData} data
 * @param {number} offset
 * @param {number} limit
 * @returns {string} for the server; empty when the days contradict each other
 */
export function query(data, offset, limit) {
  const wanted = new URLSearchParams();
  for (const [name, value] of valuesOf(data)) {
    if (name === 'from') wanted.set('from', String(dayStart(value)));
    // Until the end of that day.
    else if (name === 'to') wanted.set('to', String(dayStart(value, 1)));
    else wanted.set(name, value);
  }
  const [since, until] = [wanted.get('from'), wanted.get('to')];
  if (since && until && Number(since) >= Number(until)) return '';
  wanted.set('offset', String(offset));
  wanted.set('limit', String(limit));
  return wanted.toString();
}
