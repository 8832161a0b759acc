import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

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
