/** The chat panel. */

import { announce, byId, el, hue, icon, toast } from '../shared/dom.js';
import { language, onLanguage, t } from '../shared/i18n.js';

/** @typedef {import('../client/messages.js').ChatMessage} ChatMessage */

const lines = byId('chat-lines', HTMLElement);
const text = byId('chat-text', HTMLTextAreaElement);
const form = byId('chat-form', HTMLFormElement);
const badge = byId('chat-badge', HTMLElement);

/** Lines that are kept on the page; the room itself keeps a hundred for newcomers. */
const MOST_LINES = 500;
/** Messages of one person within this many seconds stand under one name. */
const TOGETHER = 180;

export class ChatPanel {
  /** @type {ChatMessage | null} */
  #last = null;
  #unread = 0;
  #visible = false;
  /** @type {HTMLElement[]} */
  #waiting = [];
  #online = true;
  #mine;

  /**
   * @param {(text: string) => boolean} send false when it could not be sent
   * @param {(participant: string) => boolean} mine
   * @param {AbortSignal} signal the end of the call
   */
  constructor(send, mine, signal) {
    this.#mine = mine;
    lines.replaceChildren();
    this.#showEmpty();
    this.#showUnread();
    text.value = '';
    form.onsubmit = (event) => {
      event.preventDefault();
      const written = text.value.trim();
      if (!written) return;
      if (send(written)) text.value = '';
      else toast(t('chat.notSent'), 'problem');
      grow();
      text.focus();
    };
    text.oninput = grow;
    text.onkeydown = (event) => {
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    };
    onLanguage(() => this.#showUnread(), signal);
  }

  /** @param {boolean} visible */
  visible(visible) {
    this.#visible = visible;
    if (!visible) return;
    this.#unread = 0;
    this.#showUnread();
    lines.scrollTop = lines.scrollHeight;
    text.focus();
  }

  /**
   * What was written here and is not in the room yet: last, and marked when that takes a moment.
   *
   * @param {string[]} written
   */
  waiting(written) {
    for (const line of this.#waiting) line.remove();
    this.#waiting = written.map((line) => el('li', { class: 'chat-line mine waiting' },
      el('p', { class: 'chat-text', dir: 'auto' }, line),
      el('p', { class: 'chat-note' }, icon('warning'), t('chat.waiting'))));
    lines.append(...this.#waiting);
    this.#showEmpty();
    if (written.length === 0) return;
    lines.scrollTop = lines.scrollHeight;
    if (!this.#online) announce(t('chat.waiting'));
  }

  /** @param {boolean} online whether what is written now is likely to arrive at once */
  online(online) {
    if (this.#online && !online && this.#waiting.length > 0) announce(t('chat.waiting'));
    this.#online = online;
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} news false for what was written before we came
   */
  add(message, news) {
    const mine = this.#mine(message.participant);
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 60;
    lines.insertBefore(this.#line(message, mine), this.#waiting[0] ?? null);
    this.#last = message;
    this.#showEmpty();
    forgetOld();
    if (atEnd || mine) lines.scrollTop = lines.scrollHeight;
    if (!news || mine) return;
    announce(t('chat.from', { name: message.name, text: message.text }));
    if (this.#visible) return;
    this.#unread += 1;
    this.#showUnread();
  }

  /**
   * @param {ChatMessage} message
   * @param {boolean} mine
   */
  #line(message, mine) {
    const last = this.#last;
    const follows = last?.participant === message.participant
      && last.name === message.name && message.at - last.at < TOGETHER;
    const body = el('p', { class: 'chat-text', dir: 'auto' }, ...linked(message.text));
    const line = el('li', { class: mine ? 'chat-line mine' : 'chat-line' });
    if (!follows) {
      const time = new Date(message.at * 1000);
      const name = el('bdi', { class: 'chat-name' }, mine ? t('room.you') : message.name);
      name.style.setProperty('--hue', String(hue(message.name)));
      line.append(el('p', { class: 'chat-from' }, name,
        el('time', { datetime: time.toISOString() },
          time.toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit' }))));
    }
    line.append(body);
    return line;
  }

  #showEmpty() {
    byId('chat-empty', HTMLElement).hidden = lines.childElementCount > 0;
  }

  #showUnread() {
    badge.hidden = this.#unread === 0;
    badge.textContent = this.#unread > 9 ? '9+' : String(this.#unread);
  }

  /** For the chat button's name; empty when there is nothing new. */
  get unreadText() {
    return this.#unread ? t('chat.unread', { count: this.#unread }) : '';
  }
}

/** The oldest go, whole groups of them: a line without its name would seem to be another's. */
function forgetOld() {
  if (lines.childElementCount <= MOST_LINES) return;
  do lines.firstElementChild?.remove();
  while (lines.childElementCount > 1 && !lines.querySelector(':scope > :first-child > .chat-from'));
}

function grow() {
  text.style.height = 'auto';
  text.style.height = `${Math.min(text.scrollHeight + 2, 140)}px`;
}

/**
 * Text with its web addresses made into links.
 *
 * @param {string} written
 * @returns {(Node | string)[]}
 */
function linked(written) {
  return written.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]'])/g).map((part, index) =>
    index % 2 === 1
      ? el('a', { href: part, target: '_blank', rel: 'noopener noreferrer' }, part)
      : part);
}
