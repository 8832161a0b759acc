// The short form of "memory flat over eight hours of 16 tiles". CYCLES makes it as long as wanted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

const TILES = 16;
const WARM_UP = 2;
const CYCLES = Number(process.env.CYCLES ?? 4);
/** What may come and go between two looks: caches of the engine, one page that the engine still holds. A view that is kept each time is more. */
const HEAP_SLACK = 700_000;
const NODE_SHARE = 1.5;
const LISTENER_SLACK = 20;
const POS_INDUK = 5100201;

/** Adds cameras up to a full wall, each of them a stream of the demo's under another address. */
async function fill(site) {
  const technician = site.person('technician');
  const json = { 'content-type': 'application/json' };
  const sign = await fetch(`${site.url}/api/v1/session`, { method: 'POST', headers: json, body: JSON.stringify({ name: technician.name, password: technician.password }) });
  const headers = { ...json, authorization: `Bearer ${(await sign.json()).token}` };
  const { items } = await (await fetch(`${site.url}/api/v1/devices`, { headers })).json();
  const cameras = items.filter((one) => one.driver === 'rtsp' && one.enabled);
  const added = [];
  for (let n = cameras.length; n < TILES; n++) {
    const { rtsp, user, password } = site.demo.cameras[n % 4];
    const id = `penuh-${n}`;
    const device = { id, driver: 'rtsp', name: `Penuh ${n}`, zone: cameras[0].zone, config: { url: `${rtsp}?n=${n}`, username: user }, secrets: { password }, streams: [{ name: 'main', record: false }] };
    const answer = await fetch(`${site.url}/api/v1/devices`, { method: 'POST', headers, body: JSON.stringify(device) });
    assert.equal(answer.status, 201, await answer.text());
    added.push(id);
  }
  return async () => {
    for (const id of added) await fetch(`${site.url}/api/v1/devices/${id}?reason=uji`, { method: 'DELETE', headers });
  };
}

async function allLive(page, tiles) {
  await page.waitForFunction((least) => document.querySelectorAll('[data-camera][data-state="live"]').length >= least, tiles, PATIENCE).catch(async (err) => {
    const states = await page.locator('[data-camera]').evaluateAll((all) => all.map((tile) => `${tile.dataset.camera} ${tile.dataset.state}`));
    throw new Error(`not ${tiles} tiles are live: ${states.join(', ')}`, { cause: err });
  });
}

/** What a guard does all night, compressed: sizes of the wall, a camera large, another page, an alert that goes on. */
async function cycle(guard, site) {
  const { page } = guard;
  await page.keyboard.press('1');
  await page.locator('dialog video').waitFor(); // a handle, as waitForSelector gives, would keep what it found
  await page.keyboard.press('Escape');
  await page.locator('dialog').waitFor({ state: 'detached' });
  await page.locator('.grids button').filter({ hasText: /^4$/ }).click();
  await allLive(page, 4);
  await guard.go('/kejadian');
  await page.locator('main h1').first().waitFor();
  await guard.go('/');
  await page.locator('.grids button').filter({ hasText: /^16$/ }).click();
  const told = await page.evaluate(() => window.e2e.live.at(-1).spans.length);
  await site.panic(POS_INDUK); // the first raises an alert, the others update it
  await page.waitForFunction((so) => window.e2e.live.at(-1).spans.length > so, told, PATIENCE);
  await page.keyboard.press('t');
  await allLive(page, TILES);
}

/** Counts what lives after the engine has thrown away what it can. */
async function measure(page, engine) {
  await page.evaluate(() => {
    // What the spec itself keeps is not the page's.
    window.e2e.peers = window.e2e.peers.filter((peer) => peer.connectionState !== 'closed');
    for (const heard of window.e2e.live) heard.spans.length = 0;
  });
  for (let n = 0; n < 3; n++) await engine.send('HeapProfiler.collectGarbage');
  const { metrics } = await engine.send('Performance.getMetrics');
  const of = Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  const peers = await page.evaluate(() => window.e2e.peers.filter((peer) => peer.connectionState !== 'closed').length);
  return { heap: of.JSHeapUsedSize, nodes: of.Nodes, listeners: of.JSEventListeners, documents: of.Documents, peers };
}

export function memorySpecs(house) {
  test('16 tiles for a while leave nothing behind', async () => {
    const empty = await fill(house.site);
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    const engine = await guard.context.newCDPSession(page);
    await engine.send('Performance.enable');
    await page.keyboard.press('Escape'); // a camera that an alert of before calls would take the place of four
    await page.locator('.grids button').filter({ hasText: /^16$/ }).click();
    await allLive(page, TILES);
    const looks = [];
    for (let n = 0; n < WARM_UP + CYCLES; n++) {
      await cycle(guard, house.site);
      looks.push(await measure(page, engine));
    }
    for (const { heap, nodes, listeners, documents, peers } of looks) console.log(`heap ${(heap / 1e6).toFixed(2)} MB, ${nodes} nodes, ${listeners} listeners, ${documents} documents, ${peers} peers`);
    await guard.leave();
    await empty();
    const before = looks[WARM_UP - 1];
    const after = looks.at(-1);
    // A tile that takes the slower way has no peer; none may have two.
    assert.ok(looks.every((look) => look.peers <= TILES), 'connections are left behind');
    assert.ok(after.heap <= before.heap * 1.1 + HEAP_SLACK, `the heap grew from ${before.heap} to ${after.heap}`);
    assert.ok(after.nodes <= before.nodes * NODE_SHARE, `${before.nodes} nodes became ${after.nodes}`);
    assert.ok(after.listeners <= before.listeners + LISTENER_SLACK, `${before.listeners} listeners became ${after.listeners}`);
    assert.ok(after.documents <= before.documents, `${before.documents} documents became ${after.documents}`);
    assert.deepEqual(guard.faults, []);
  });
}
