// Every view and dialog of every role, on a desk and on a phone: nothing serious for a screen reader, nothing sideways.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { findings, SIZES } from './axe.mjs';
import { Seat } from './people.mjs';
import { tour } from './tour.mjs';

const ROLES = ['guard', 'leader', 'chair', 'technician', 'it-security', 'auditor', 'administrator'];
const DANRU = 5100205;
const POS_2 = 5100203;

/** Contacts as the demo's configuration names them. */
const CONTACTS = ['Ambulans', 'Teknisi'];
const messages = (language) => Object.values(JSON.parse(readFileSync(new URL(`../messages/${language}.json`, import.meta.url), 'utf8')));
/** Whole texts of the Indonesian screens that no English screen has. */
const INDONESIAN = messages('id').filter((text) => !text.includes('{') && !messages('en').includes(text));

/** Runs in the page: what the site itself is called, which no language changes. */
async function ownNames() {
  const read = async (path) => {
    const answer = await fetch(`/api/v1${path}`);
    return answer.ok ? (await answer.json()).items : [];
  };
  const own = [...(await read('/zones')), ...(await read('/devices')), ...(await read('/people/names'))];
  return own.flatMap((one) => [one.name, one.alias ?? '']);
}

/** Runs in the page: each text on it, as it stands. */
function texts() {
  const walk = document.createTreeWalker(document.querySelector('.app'), NodeFilter.SHOW_TEXT);
  const all = [];
  while (walk.nextNode()) all.push(walk.currentNode.data.trim());
  return all;
}

/** A page of the door, with what the site would answer in that state. */
async function door(house, answers) {
  const context = await house.browser.newContext({ viewport: SIZES[0] });
  const page = await context.newPage();
  for (const [path, status, body] of answers) await page.route(`**/api/v1${path}`, (route) => route.fulfill({ status, contentType: 'application/json', body: JSON.stringify(body) }));
  await page.goto(house.site.url);
  return page;
}

export function accessSpecs(house) {
  const seen = new Set();

  test('the door is without serious fault in each of its states', async () => {
    const setup = { enrolled: false, site: { id: 'kpu-majene', name: 'KPU Kabupaten Majene', timezone: 'Asia/Makassar', zone_name: 'WITA' } };
    const refused = [401, { code: 'unauthenticated', status: 401 }];
    const found = [];
    const signIn = await door(house, []);
    await signIn.fill('[name=username]', 'penjaga');
    await signIn.fill('[name=password]', 'bukan ini');
    found.push(...(await findings(signIn, 'sign-in')));
    await signIn.click('form button[type=submit]');
    await signIn.locator('[role=alert]').waitFor();
    found.push(...(await findings(signIn, 'sign-in refused')));
    const enrol = await door(house, [['/session', ...refused], ['/setup', 200, setup]]);
    await enrol.waitForSelector('[name=setup-code]');
    found.push(...(await findings(enrol, 'first start')));
    const gone = await door(house, [['/session', 503, {}]]);
    await gone.waitForSelector('.gone[role=alert]');
    found.push(...(await findings(gone, 'no answer')));
    for (const page of [signIn, enrol, gone]) await page.context().close();
    assert.deepEqual(found, []);
  });

  for (const role of ROLES) {
    test(`everything that a ${role} reaches is without serious fault`, async () => {
      await house.site.panic(DANRU);
      const seat = await Seat.take(house.browser, house.site, role);
      const found = [];
      const walked = await tour(seat, async (page, what) => found.push(...(await findings(page, what))), { seen });
      assert.deepEqual(found, []);
      assert.deepEqual(seat.faults, []);
      assert.deepEqual(seat.outside, []);
      assert.ok(walked.has('/gaya') && walked.has('/tidak-ada'), [...walked].join(', '));
      await seat.leave();
    });
  }

  test('every page is in English too, without serious fault and without a word of Indonesian', async () => {
    const looked = new Set();
    for (const role of ROLES) {
      const seat = await Seat.take(house.browser, house.site, role);
      await seat.page.click('header [lang=en]');
      const names = [...CONTACTS, ...(await seat.page.evaluate(ownNames))];
      const foreign = INDONESIAN.filter((text) => !names.includes(text));
      const found = [];
      await tour(seat, async (page, what) => {
        if (looked.has(what)) return;
        looked.add(what);
        found.push(...(await findings(page, `${what} in English`)));
        const left = await page.evaluate(texts);
        found.push(...left.filter((text) => foreign.includes(text)).map((text) => `${what}: "${text}" is not English`));
      }, { dialogs: false });
      assert.deepEqual(found, []);
      assert.deepEqual(seat.faults, []);
      await seat.leave();
    }
  });

  test('the walk saw the dialogs there are', () => {
    const missed = ['/kejadian/:id > ', '/perangkat/:id > ', '/orang > ', '/ > ', '/gaya > '].filter((start) => ![...seen].some((what) => what.startsWith(start)));
    assert.deepEqual(missed, [], [...seen].join('\n'));
  });

  test('what comes over the page is without serious fault: an alert, a resolving, a lost line, an ended session', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    const found = [];
    await house.site.panic(POS_2);
    await guard.alert('Pos 2').waitFor();
    found.push(...(await findings(page, 'critical alert')));
    await guard.alert('Pos 2').locator('button.accept').click();
    await guard.alert('Pos 2').waitFor({ state: 'detached' });
    found.push(...(await findings(page, 'accepted, with its notice')));
    await page.keyboard.press('s');
    await page.waitForSelector('dialog [name=cause]');
    await page.click('dialog button[type=submit]');
    await page.locator('dialog .error').first().waitFor();
    found.push(...(await findings(page, 'resolving, refused')));
    await page.keyboard.press('Escape');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await guard.context.setOffline(true);
    await page.evaluate(() => window.e2e.live.forEach((heard) => heard.socket.close()));
    await page.locator('.banner[role=alert]').waitFor();
    found.push(...(await findings(page, 'lost line')));
    await guard.context.setOffline(false);
    await page.locator('.banner').waitFor({ state: 'detached' });
    await page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE' }));
    await page.locator('dialog').filter({ hasText: 'Sesi berakhir' }).waitFor();
    found.push(...(await findings(page, 'ended session')));
    assert.deepEqual(found, []);
    await guard.leave();
  });
}
