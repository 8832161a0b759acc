// A browser, and people who sit before it.
import { chromium } from 'playwright-core';

/** How long a page may take. It is asked by a timer; animation frames, which are the default, a browser owes to nobody. */
export const PATIENCE = { timeout: 45_000, polling: 50 };
const DESK = { width: 1600, height: 900 };
const PHONE = { width: 390, height: 844 };

/** `more` are further switches of Chromium. */
export function openBrowser(more = []) {
  const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', ...more];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args });
}

/** Runs in the page before its scripts: remembers peers, live sockets, and what the live channel said. */
function remember() {
  window.e2e = { peers: [], live: [] };
  const Peer = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args);
      window.e2e.peers.push(this);
    }
  };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(url, ...rest) {
      super(url, ...rest);
      if (!String(url).includes('/api/v1/live?') && !String(url).endsWith('/api/v1/live')) return;
      const heard = { url: String(url), socket: this, spans: [], snapshot: false };
      window.e2e.live.push(heard);
      this.addEventListener('message', (ev) => {
        const message = JSON.parse(ev.data);
        if ('hello' in message) heard.snapshot = Boolean(message.hello.snapshot);
        if ('seq' in message) heard.spans.push([message.seq, message.through ?? message.seq]);
      });
    }
  };
}

export class Seat {
  /** Seats that nobody has left yet. */
  static taken = new Set();

  /** Leaves the seats of a test that failed before it could, and says what each showed and waited for. Some stay for many tests. */
  static async clear() {
    for (const seat of [...Seat.taken].filter((one) => !one.stays)) {
      console.log(await seat.account());
      await seat.leave();
    }
  }

  /** Opens a fresh browser profile at a size, and signs a person in; `first` is a script, with its argument, that each page runs before its own. */
  static async take(browser, site, role, how = {}) {
    const seat = await Seat.open(browser, site, how);
    await seat.signIn(site.person(role));
    return seat;
  }

  /** The same with nobody signed in. */
  static async open(browser, site, { phone = false, stays = false, first } = {}) {
    const context = await browser.newContext({ viewport: phone ? PHONE : DESK, hasTouch: phone });
    context.setDefaultTimeout(PATIENCE.timeout);
    await context.addInitScript(remember);
    if (first) await context.addInitScript(...first);
    const seat = new Seat(site, context, await context.newPage());
    seat.stays = stays;
    return seat;
  }

  constructor(site, context, page) {
    this.site = site;
    this.context = context;
    this.page = page;
    this.outside = [];
    this.faults = [];
    this.asked = new Set();
    this.refused = [];
    Seat.taken.add(this);
    page.on('pageerror', (err) => this.faults.push(err.message));
    page.on('requestfinished', (request) => this.asked.delete(request));
    page.on('requestfailed', (request) => this.asked.delete(request));
    page.on('response', (answer) => answer.status() >= 400 && this.refused.push(`${answer.status()} ${answer.url()}`));
    page.on('request', (request) => {
      this.asked.add(request);
      const { protocol, host } = new URL(request.url());
      if (/^(http|ws)/.test(protocol) && host !== new URL(site.url).host) this.outside.push(request.url());
    });
  }

  async signIn(person) {
    await this.page.goto(this.site.url);
    await this.page.fill('[name=username]', person.name);
    await this.page.fill('[name=password]', person.password);
    await this.page.click('form button[type=submit]');
    await this.page.waitForSelector('header nav');
  }

  /** Changes the view by its address, without loading the page anew. */
  async go(path) {
    await this.page.click(`header a[href="${path}"]`);
  }

  alert(text) {
    return this.page.locator('.queue [data-alert]').filter({ hasText: text });
  }

  incident(text) {
    return this.page.locator('.queue [data-incident]').filter({ hasText: text });
  }

  /** Pictures decoded so far by each connection that still lives. */
  frames() {
    return this.page.evaluate(async () => {
      const counts = [];
      for (const peer of window.e2e.peers) {
        if (peer.connectionState !== 'connected') continue;
        for (const report of (await peer.getStats()).values()) if (report.type === 'inbound-rtp' && report.kind === 'video') counts.push(report.framesDecoded);
      }
      return counts;
    });
  }

  /** What the page shows and waits for, in some lines. */
  async account() {
    const shown = await this.page.innerText('body', { timeout: 5_000 }).catch(() => 'the page does not answer');
    const asked = [...this.asked].map((request) => `${request.method()} ${request.url()}`);
    // Without `polling` it is asked once a frame, after a first time at once.
    const paints = await this.page.waitForFunction(() => (window.frames_seen = (window.frames_seen ?? 0) + 1) > 2, null, { timeout: 3_000 }).then(() => 'yes', (err) => err.message);
    return ['# a seat was left behind', this.page.url(), shown.slice(0, 200), shown.slice(-600), `faults: ${this.faults.join('; ')}`, `refused: ${this.refused.slice(-20).join(', ')}`, `waits for: ${asked.join(', ')}`, `paints: ${paints}`].join('\n# ');
  }

  leave() {
    Seat.taken.delete(this);
    return this.context.close();
  }
}
