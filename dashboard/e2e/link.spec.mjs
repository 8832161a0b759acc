import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

const DANRU = 5100205;
const PENGAWAL = 5100206;

/** Joins the spans of all live channels in order; a hole or something told twice shows. */
function holes(channels) {
  const found = [];
  let last = null;
  for (const { url, spans, snapshot } of channels) {
    if (last !== null && !snapshot && !url.endsWith(`after=${last}`)) found.push(`asked ${url} after ${last}`);
    for (const [from, through] of spans) {
      if (last !== null && from !== last + 1) found.push(`${from} after ${last}`);
      last = through;
    }
  }
  return found;
}

export function linkSpecs(house) {
  test('a session that ends is asked for again over the page, and nothing is missed meanwhile', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    await page.waitForFunction(() => window.e2e.live.some((heard) => heard.snapshot), null, PATIENCE);
    await page.evaluate(() => fetch('/api/v1/session', { method: 'DELETE' }));
    const again = page.locator('dialog').filter({ hasText: 'Sesi berakhir' });
    await again.waitFor();
    await house.site.panic(DANRU);
    const person = house.site.person('guard');
    await again.locator('[name=password]').fill(person.password);
    await again.locator('button[type=submit]').click();
    await again.waitFor({ state: 'detached' });
    await guard.alert('Danru').waitFor();
    await page.keyboard.press('t');
    await guard.alert('Danru').waitFor({ state: 'detached' });
    await guard.leave();
  });

  test('the live channel is cut, the screen says so, and it resumes without a hole', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    await page.waitForFunction(() => window.e2e.live.some((heard) => heard.snapshot && heard.spans.length > 0), null, PATIENCE);
    await guard.context.setOffline(true);
    await page.evaluate(() => window.e2e.live.forEach((heard) => heard.socket.close()));
    const banner = page.locator('.banner[role=alert]');
    await banner.waitFor();
    await house.site.panic(PENGAWAL);
    await banner.filter({ hasText: /Kontak terakhir ([6-9]|\d\d) detik/ }).waitFor();
    assert.equal(await guard.alert('Pengawal').count(), 0);

    await guard.context.setOffline(false);
    await guard.alert('Pengawal').waitFor();
    await banner.waitFor({ state: 'detached' });
    const channels = await page.evaluate(() => window.e2e.live.map(({ url, spans, snapshot }) => ({ url, spans, snapshot })).filter((heard) => heard.spans.length > 0));
    assert.ok(channels.length >= 2, 'the channel should have been opened again');
    assert.deepEqual(holes(channels), []);
    await guard.page.keyboard.press('t');
    await guard.alert('Pengawal').waitFor({ state: 'detached' });
    await guard.leave();
  });
}
