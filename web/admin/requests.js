/** The dashboard's requests to the server. No DOM. */

import { ask } from '../operator/ask.js';

/**
 * @typedef {object} Capture
 * @property {string} id
 * @property {string} participant
 * @property {string} name
 * @property {string} room
 * @property {number} started Unix time
 * @property {boolean} headersOnly
 * @property {number} seconds
 * @property {number} limitBytes
 * @property {number} bytes
 * @property {number} packets
 * @property {'running' | 'done' | 'failed'} state
 */

/** @returns {Promise<boolean>} */
export const loggedIn = async () => (await ask('session')).admin;
/** @param {string} token */
export const logIn = (token) => ask('login', { body: { token } });
/** @param {string} participant */
export const remove = (participant) => ask(`participants/${encodeURIComponent(participant)}/remove`, { body: {} });
/** @param {string} room */
export const closeRoom = (room) => ask(`rooms/${encodeURIComponent(room)}/close`, { body: {} });
/** @returns {Promise<Capture[]>} */
export const captures = async () => (await ask('captures')).captures;
/** @param {{participant: string, headersOnly: boolean, seconds: number, limitBytes: number}} wanted */
export const startCapture = (wanted) => ask('captures', { body: wanted });
/** @param {string} id */
export const stopCapture = (id) => ask(`captures/${encodeURIComponent(id)}/stop`, { body: {} });
/** @param {string} id */
export const captureFile = (id) => `/api/admin/captures/${encodeURIComponent(id)}/file`;
