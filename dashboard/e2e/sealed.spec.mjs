// Nothing that the screens do leaves the machine, and the content policy would stop them if they tried.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as ask } from 'node:http';
import { connect } from 'node:net';
import { test } from 'node:test';
import { openBrowser, PATIENCE, Seat } from './people.mjs';
import { tour } from './tour.mjs';

/** What Chromium asks its maker by itself. Were it the page, the page's own list of requests would show it. */
const CHROMIUM = /(^|\.)(google|googleapis|gstatic)\.com(:\d+)?$/;

/** A proxy for a whole browser: lets through what goes to the site, refuses the rest and writes down both. */
class Proxy {
  static async open(site) {
    const proxy = new Proxy(site);
    proxy.server.listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    return proxy;
  }

  constructor(site) {
    this.host = new URL(site.url).host;
    this.inside = 0;
    this.sockets = 0;
    /** Doors of this machine beside the site's: its one port for video over TCP. */
    this.doors = new Set();
    this.outside = [];
    this.lines = new Set();
    this.server = createServer((asked, answer) => this.pass(asked, answer));
    this.server.on('connect', (asked, line, head) => this.tunnel(asked.url, line, head));
  }

  get address() {
    return `http://127.0.0.1:${this.server.address().port}`;
  }

  pass(asked, answer) {
    const { host } = new URL(asked.url);
    if (host !== this.host) {
      this.refuse(host);
      answer.writeHead(403).end();
      return;
    }
    this.inside += 1;
    const onward = ask(asked.url, { method: asked.method, headers: asked.headers }, (got) => {
      answer.writeHead(got.statusCode, got.headers);
      got.pipe(answer);
    });
    onward.on('error', () => answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  }

  refuse(host) {
    if (host.startsWith('127.0.0.1:')) this.doors.add(host);
    else if (!CHROMIUM.test(host)) this.outside.push(host);
  }

  tunnel(host, line, head) {
    if (host !== this.host) {
      this.refuse(host);
      line.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    this.sockets += 1;
    const [name, port] = host.split(':');
    const onward = connect(Number(port), name, () => {
      line.write('HTTP/1.1 200 OK\r\n\r\n');
      onward.write(head);
      onward.pipe(line).pipe(onward);
    });
    for (const end of [line, onward]) {
      this.lines.add(end);
      end.on('error', () => end.destroy());
      end.on('close', () => this.lines.delete(end));
    }
  }

  async close() {
    for (const line of this.lines) line.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** What a page of ours could be made to do, each with the word of the policy that must stop it. */
const ATTEMPTS = {
  'connect-src fetch': (there) => fetch(there).catch(() => undefined),
  'connect-src socket': (there) => new WebSocket(there.replace('http', 'ws')),
  'connect-src beacon': (there) => navigator.sendBeacon(there, 'x'),
  'img-src': (there) => (new Image().src = `${there}/x.png`),
  'script-src-elem': (there) => document.head.append(Object.assign(document.createElement('script'), { src: `${there}/x.js` })),
  'script-src-elem inline': () => document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.broken = true' })),
  'style-src-elem': (there) => document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href: `${there}/x.css` })),
  'frame-src': (there) => document.body.append(Object.assign(document.createElement('iframe'), { src: there })),
  'form-action': (there) => {
    const form = document.body.appendChild(Object.assign(document.createElement('form'), { action: there, method: 'post' }));
    form.submit();
  },
};

export function sealedSpecs(house) {
  test('no request leaves the machine, whatever page is opened', async () => {
    const proxy = await Proxy.open(house.site);
    const browser = await openBrowser(['--proxy-server=' + proxy.address, '--proxy-bypass-list=<-loopback>']);
    for (const role of ['leader', 'technician', 'administrator']) {
      const seat = await Seat.take(browser, house.site, role);
      await tour(seat, () => undefined);
      const peers = await seat.page.evaluate(() => window.e2e.peers.map((peer) => peer.getConfiguration().iceServers));
      assert.deepEqual(peers.flat(), [], 'a peer connection asks a server elsewhere where it is');
      assert.deepEqual(seat.outside, []);
      await seat.leave();
    }
    await browser.close();
    await proxy.close();
    assert.deepEqual(proxy.outside, []);
    assert.ok(proxy.doors.size <= 1, [...proxy.doors].join(' '));
    assert.ok(proxy.inside > 100 && proxy.sockets >= 3, `the proxy saw ${proxy.inside} requests and ${proxy.sockets} sockets: it was passed by`);
  });

  test('video comes from this machine only', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    await guard.page.waitForSelector('[data-camera][data-state="live"]', PATIENCE);
    const addresses = await guard.page.evaluate(async () => {
      const found = new Set();
      for (const peer of window.e2e.peers) for (const report of (await peer.getStats()).values()) if (report.type === 'remote-candidate') found.add(report.address);
      return [...found];
    });
    assert.deepEqual(addresses, ['127.0.0.1']);
    await guard.leave();
  });

  test('the content policy is on every answer, and allows nothing inline and nothing from elsewhere', async () => {
    const page = await (await fetch(house.site.url)).text();
    const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
    assert.ok(files.length >= 3, page);
    for (const path of ['/', '/gaya', '/kejadian', '/api/v1/setup', '/api/v1/nothing', '/healthz', ...files]) {
      const { headers } = await fetch(house.site.url + path);
      const policy = headers.get('content-security-policy') ?? '';
      assert.match(policy, /^default-src 'none';/, path);
      assert.match(policy, /frame-ancestors 'none'/, path);
      assert.doesNotMatch(policy, /unsafe|\*|https?:|data:/, path);
      assert.equal(headers.get('x-frame-options'), 'DENY', path);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('referrer-policy'), 'same-origin', path);
    }
  });

  test('the browser stops every way out', async () => {
    const asked = [];
    const elsewhere = createServer((request, answer) => {
      asked.push(request.url);
      answer.end();
    });
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const there = `http://127.0.0.1:${elsewhere.address().port}`;
    const guard = await Seat.take(house.browser, house.site, 'guard');
    for (const [word, attempt] of Object.entries(ATTEMPTS)) {
      const directive = await guard.page.evaluate(
        ([source, address]) =>
          new Promise((done) => {
            document.addEventListener('securitypolicyviolation', (ev) => done(ev.effectiveDirective), { once: true });
            void (0, eval)(`(${source})`)(address);
          }),
        [attempt.toString(), there],
      );
      assert.equal(directive, word.split(' ')[0], word);
    }
    assert.equal(await guard.page.evaluate(() => window.broken), undefined);
    assert.deepEqual(asked, []);
    await guard.leave();
    elsewhere.closeAllConnections();
    elsewhere.close();
  });
}
