// Every view while it waits, when the site does not answer, and on a site where nothing is yet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findings } from './axe.mjs';
import { BareSite } from './bare.mjs';
import { Seat } from './people.mjs';
import { settled } from './tour.mjs';

/** What the views read; who sits there, and the live channel, go on. */
const DATA = /\/api\/v1\/(?!session$|setup|live)/;
const POS_INDUK = 5100201;
const AT_ONCE_MS = 10_000;

/** The pages of three people, with one of each kind that carries an id. */
async function pages(house) {
  await house.site.panic(POS_INDUK);
  const leader = await Seat.take(house.browser, house.site, 'leader');
  await leader.alert('Pos Induk').waitFor();
  const read = (path) => leader.page.evaluate((asked) => fetch(`/api/v1${asked}`).then((answer) => answer.json()), path);
  const incident = (await read('/incidents?limit=1')).items[0].id;
  const camera = (await read('/devices')).items.find((one) => one.driver === 'rtsp').id;
  await leader.leave();
  return {
    leader: ['/', '/kejadian', `/kejadian/${incident}`, `/kejadian/${incident}/cetak`, '/rekaman', '/perangkat', `/perangkat/${camera}`, '/zona'],
    technician: ['/zona/kantor', '/pengaturan'],
    administrator: ['/orang', '/akun'],
  };
}

/** What was held back is let go, in the order it came. */
class Gate {
  held = [];

  static async close(page) {
    const gate = new Gate();
    await page.route(DATA, (route) => void gate.held.push(route));
    return gate;
  }

  async open(page) {
    await page.unroute(DATA);
    // What the page itself has given up meanwhile need not go on.
    await Promise.all(this.held.map((route) => route.continue().catch(() => undefined)));
  }
}

/** What a new site says on each page, and to whom. */
const BARE = {
  leader: { '/': 'Belum ada kamera', '/kejadian': 'Belum ada kejadian', '/rekaman': 'Belum ada kamera', '/perangkat': 'Belum ada perangkat', '/zona': 'Belum ada zona' },
  technician: { '/perangkat': 'Belum ada perangkat', '/perangkat/tambah': 'Belum ada zona', '/perangkat/tambah-gateway': 'Belum ada zona', '/zona': 'Belum ada zona' },
  auditor: { '/kejadian': 'Belum ada kejadian' },
};
const PANELS = { h: 'Belum ada panggilan radio', d: 'Belum ada kabar drone' };

export function statesSpecs(house) {
  test('a view that waits for the site says so, and does not say that there is nothing', async () => {
    for (const [role, paths] of Object.entries(await pages(house))) {
      const seat = await Seat.take(house.browser, house.site, role);
      const { page } = seat;
      for (const path of paths) {
        const gate = await Gate.close(page);
        await page.goto(house.site.url + path);
        await page.locator('main').getByRole('status').first().waitFor({ state: 'attached', timeout: AT_ONCE_MS }).catch(() => assert.fail(`${path} does not say that it waits`));
        assert.equal(await page.locator('main .empty').count(), 0, `${path} says that there is nothing before it knows`);
        assert.deepEqual(await findings(page, `${path} waiting`), []);
        await gate.open(page);
        await settled(page);
      }
      assert.deepEqual(seat.faults, []);
      await seat.leave();
    }
  });

  test('a view whose site does not answer says what to do, and comes back at a press', async () => {
    for (const [role, paths] of Object.entries(await pages(house))) {
      const seat = await Seat.take(house.browser, house.site, role);
      const { page } = seat;
      for (const path of paths) {
        await page.route(DATA, (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: '{"code":"unavailable","status":503}' }));
        await page.goto(house.site.url + path);
        const failure = page.locator('main .failure').first();
        await failure.waitFor({ timeout: AT_ONCE_MS }).catch(() => assert.fail(`${path} does not say that the site did not answer`));
        assert.equal(await page.locator('main .empty').count(), 0, `${path} says that there is nothing when it could not ask`);
        assert.deepEqual(await findings(page, `${path} refused`), []);
        await page.unroute(DATA);
        for (const again of await page.locator('main .failure button').all()) await again.click();
        await failure.waitFor({ state: 'detached' });
        await settled(page);
      }
      assert.deepEqual(seat.faults, []);
      await seat.leave();
    }
  });

  test('a new site is enrolled by its code, and every page says what is missing', async () => {
    const site = await BareSite.start();
    try {
      const context = await house.browser.newContext();
      const page = await context.newPage();
      await site.enrol(page);
      await page.waitForSelector('header nav');
      for (const role of Object.keys(BARE)) await site.admit(role);
      await context.close();
      for (const [role, said] of Object.entries(BARE)) {
        const seat = await Seat.take(house.browser, site, role);
        for (const [path, words] of Object.entries(said)) {
          await seat.page.goto(site.url + path);
          await seat.page.locator('main .empty').filter({ hasText: words }).waitFor();
          assert.deepEqual(await findings(seat.page, `${path} of a new site`), []);
        }
        assert.deepEqual(seat.faults, []);
        await seat.leave();
      }
      const leader = await Seat.take(house.browser, site, 'leader');
      for (const [key, words] of Object.entries(PANELS)) {
        await leader.page.keyboard.press(key);
        await leader.page.locator('.dock .empty').filter({ hasText: words }).waitFor();
      }
      await leader.leave();
    } finally {
      await site.stop();
    }
  });
}
