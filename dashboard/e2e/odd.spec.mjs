// What is not as it should be: a computer with a wrong clock, texts without end, paper instead of a screen; and what must stay as it is.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

const POS_2 = 5100203;
const PATROLI = 5100204;
const HOUR = 3_600_000;
const MEGABYTE = 1 << 20;
/** A minute of the slowest machine; a clock that is wrong by hours is far beyond it. */
const NEAR_MS = 60_000;
const DAY_MS = 24 * HOUR;
const IMPORTANT_HZ = 980;
const CAUTION_HZ = 620;

/** Runs in the page: its clock is wrong by so much. */
function wrongClock(ms) {
  const Plain = Date;
  window.Date = class extends Plain {
    constructor(...args) {
      if (args.length === 0) super(Plain.now() + ms);
      else super(...args);
    }

    static now() {
      return Plain.now() + ms;
    }
  };
}

/** Runs in the page: remembers each tone, whether it was told to end, and what sounds again every 20 seconds. */
function listen() {
  const [every, never] = [window.setInterval, window.clearInterval];
  window.turns = [];
  window.setInterval = (again, ms, ...rest) => {
    const id = every(again, ms, ...rest);
    if (ms === 20_000) window.turns.push({ id, again, over: false });
    return id;
  };
  window.clearInterval = (id) => {
    never(id);
    for (const turn of window.turns.filter((one) => one.id === id)) turn.over = true;
  };
  const Plain = window.OscillatorNode;
  window.tones = [];
  window.OscillatorNode = class extends Plain {
    stop(...args) {
      super.stop(...args);
      window.tones.find((tone) => tone.node === this).ended = true;
    }

    start(...args) {
      super.start(...args);
      window.tones.push({ node: this, type: this.type, hertz: Math.round(this.frequency.value), ended: false });
    }
  };
}

/** How far a time of day on the site's wall (22.15.08) is from now. */
function apart(shown) {
  const [, h, min, s] = /(\d\d)\.(\d\d)\.(\d\d)/.exec(shown);
  const wall = new Date(Date.now() + 8 * HOUR);
  const passed = wall.getTime() % DAY_MS;
  const off = Math.abs(passed - (Number(h) * HOUR + Number(min) * 60_000 + Number(s) * 1000));
  return Math.min(off, DAY_MS - off);
}

/** Ends every open case, so that the next panic is a new one and on top. */
async function calm(seat) {
  const { page } = seat;
  await page.waitForFunction(() => window.e2e.live.some((heard) => heard.snapshot), null, PATIENCE);
  const ended = async () => {
    const { items } = await (await fetch('/api/v1/incidents?state=open&limit=500')).json();
    const deed = (id, verb, body) => fetch(`/api/v1/incidents/${id}/${verb}`, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
    for (const { id } of items) {
      await deed(id, 'acknowledge', {}); // refused where somebody has
      await deed(id, 'false-alarm', { reason: 'uji' });
    }
    return items.length === 0 && document.querySelector('.queue [data-alert]') === null;
  };
  await page.waitForFunction(ended, null, { ...PATIENCE, polling: 500 });
}

async function paste(page, box, text) {
  await page.evaluate((long) => navigator.clipboard.writeText(long), text);
  await box.focus();
  await page.keyboard.press('Control+V');
}

export function oddSpecs(house) {
  for (const [what, ms] of [['seven hours ahead', 7 * HOUR], ['three days behind', -3 * DAY_MS]]) {
    test(`a computer whose clock is ${what} shows the times and ages of the site`, async () => {
      const guard = await Seat.take(house.browser, house.site, 'guard', { first: [wrongClock, ms] });
      const { page } = guard;
      await calm(guard);
      await house.site.panic(PATROLI);
      const row = guard.alert('Patroli');
      await row.waitFor();
      const said = await row.innerText();
      assert.ok(apart(said) < NEAR_MS, said);
      assert.match(said, /menunggu \d+ dtk/);
      assert.ok(apart(await page.locator('header time').innerText()) < NEAR_MS, 'the clock above');
      await page.waitForSelector('[data-camera][data-state="live"] .age', PATIENCE);
      for (const age of await page.locator('[data-camera][data-state="live"] .age').allInnerTexts()) assert.match(age, /^\d dtk$/);
      assert.equal(await page.locator('.banner, dialog.watch').count(), 0, 'nothing is thought lost, nobody away');
      await page.keyboard.press('t');
      await row.waitFor({ state: 'detached' });
      await guard.go('/kejadian');
      await page.getByRole('button', { name: '24 jam terakhir' }).click();
      await page.locator('main a.row-link').filter({ hasText: 'Tombol panik' }).first().waitFor();
      assert.deepEqual(guard.faults, []);
      await guard.leave();
    });
  }

  test('an important alert sounds three tones every 20 seconds until it is accepted or muted, a caution sounds once', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard', { first: [listen] });
    const { page } = guard;
    await calm(guard);
    const hub = house.site.gateway('zigbee2mqtt');
    const tones = (hertz, count) => page.waitForFunction(([at, n]) => window.tones.filter((tone) => tone.hertz === at).length === n, [hertz, count], PATIENCE);
    const turning = () => page.evaluate(() => window.turns.filter((turn) => !turn.over).length);
    await house.site.publish(hub, { ac_connected: false }, '/ups_server');
    await guard.alert('Listrik padam').waitFor();
    await tones(IMPORTANT_HZ, 3);
    assert.equal(await turning(), 1);
    await page.evaluate(() => window.turns.find((turn) => !turn.over).again());
    await tones(IMPORTANT_HZ, 6);
    await page.keyboard.press('m');
    await page.locator('header.top').filter({ hasText: 'Bisu ' }).waitFor();
    assert.equal(await turning(), 0, 'muted');
    await page.keyboard.press('m');
    await tones(IMPORTANT_HZ, 9);
    await page.keyboard.press('t');
    await guard.alert('Listrik padam').waitFor({ state: 'detached' });
    assert.equal(await turning(), 0, 'accepted');
    await house.site.publish(hub, { smoke: false, battery: 4, battery_low: true }, '/asap_gudang');
    await guard.alert('Baterai sensor rendah').waitFor();
    await tones(CAUTION_HZ, 1);
    assert.equal(await turning(), 0, 'a caution is said once');
    assert.equal(await page.evaluate(() => window.tones.some((tone) => tone.type === 'triangle')), false, 'no siren for less than a critical alert');
    await house.site.publish(hub, { ac_connected: true }, '/ups_server');
    await house.site.publish(hub, { smoke: false, battery: 90, battery_low: false }, '/asap_gudang');
    await guard.leave();
  });

  test('the siren goes on until the critical alert is accepted, no key mutes it, and the tiles stay where they are', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard', { first: [listen] });
    const { page } = guard;
    await calm(guard);
    const places = () => page.locator('.wall .tiles > *').evaluateAll((all) => all.map((one) => one.getBoundingClientRect()).map(({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ')).sort());
    const sirens = () => page.evaluate(() => window.tones.filter((tone) => tone.type === 'triangle' && !tone.ended).length);
    assert.equal(await sirens(), 0);
    const before = await places();
    await house.site.panic(POS_2);
    await guard.alert('Pos 2').waitFor();
    await page.waitForFunction(() => window.tones.some((tone) => tone.type === 'triangle'), null, PATIENCE);
    await page.waitForSelector('[data-camera].called');
    assert.deepEqual(await places(), before, 'a critical alert moves no tile');
    await page.keyboard.press('m');
    await page.locator('.notice').filter({ hasText: 'Tidak dibisukan' }).waitFor();
    assert.equal(await sirens(), 1);
    await page.keyboard.press('t');
    await guard.alert('Pos 2').waitFor({ state: 'detached' });
    await page.waitForFunction(() => window.tones.every((tone) => tone.type !== 'triangle' || tone.ended), null, PATIENCE);
    assert.deepEqual(await places(), before, 'accepting moves no tile');
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement !== null, null, PATIENCE);
    await page.keyboard.press('f');
    await page.waitForFunction(() => document.fullscreenElement === null, null, PATIENCE);
    await guard.leave();
  });

  test('more alerts than fit are counted below the edge', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    await page.setViewportSize({ width: 1600, height: 720 });
    await calm(guard);
    for (const radio of [POS_2, 5100202, PATROLI]) await house.site.panic(radio);
    await page.waitForFunction(() => document.querySelectorAll('.queue [data-alert]').length > 1, null, PATIENCE);
    await page.locator('.queue button.below').filter({ hasText: /\d peringatan lagi di bawah/ }).waitFor();
    await calm(guard);
    await guard.leave();
  });

  test('a megabyte of text is cut with a word about it, and no field takes the page down', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader');
    const { page, context } = leader;
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: house.site.url });
    const long = 'Gudang 👮🏽‍♀️ مرحبا <b>'.repeat(Math.ceil(MEGABYTE / 24)).slice(0, MEGABYTE);
    await leader.go('/kejadian');
    const search = page.locator('main input[type=search]');
    await paste(page, search, long);
    await page.waitForURL(/cari=/);
    await page.locator('main h1').filter({ hasText: 'Riwayat kejadian' }).waitFor();
    assert.ok(page.url().length < 8000, `an address of ${page.url().length} characters`);
    assert.equal(await page.locator('main .failure').count(), 0);
    await search.fill('');
    await page.waitForURL((url) => !url.search.includes('cari='));
    await page.locator('main a.row-link').filter({ hasText: 'Tombol panik' }).first().click();
    await page.getByRole('button', { name: 'Tambah catatan' }).click();
    const note = page.locator('dialog [name=text]');
    await paste(page, note, long);
    await page.locator('dialog .error').filter({ hasText: /huruf terakhir tidak termuat. Paling banyak 4.000 huruf/ }).waitFor();
    assert.ok((await note.inputValue()).length > 3900);
    await page.click('dialog button[type=submit]');
    await page.locator('dialog').waitFor({ state: 'detached' });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth), 'nothing sideways');
    assert.deepEqual(leader.faults, []);
    await leader.leave();
  });

  test('every page prints in dark ink on white, without what only a screen needs', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader');
    const { page } = leader;
    await page.emulateMedia({ media: 'print' });
    for (const path of ['/', '/kejadian', '/perangkat', '/zona']) {
      await page.evaluate((to) => document.querySelector(`header a[href="${to}"]`).click(), path);
      await page.locator('main h1, main h2').first().waitFor();
      assert.equal(await page.locator('header.top').isVisible(), false, path);
      const ink = await page.evaluate(() => [document.documentElement, document.querySelector('main h1, main h2')].map((one) => [getComputedStyle(one).backgroundColor, getComputedStyle(one).color]));
      assert.equal(ink[0][0], 'rgb(255, 255, 255)', path);
      assert.deepEqual(ink.map(([, colour]) => colour), ['rgb(0, 0, 0)', 'rgb(0, 0, 0)'], path);
    }
    await leader.leave();
  });
}
