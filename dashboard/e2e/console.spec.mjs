import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

/** Radios of the demo site: Pos 2 stands behind the store, Patroli in the yard. */
const POS_2 = 5100203;
const PATROLI = 5100204;
/** Has a small stream beside its main one. */
const TWO_STREAMS = 'mjn-gdb-01';

export function consoleSpecs(house) {
  test('four tiles advance', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    await guard.page.waitForFunction(() => document.querySelectorAll('[data-camera][data-state="live"]').length === 4, null, PATIENCE);
    const before = await guard.frames();
    assert.equal(before.length, 4);
    await guard.page.waitForFunction(
      async (least) => {
        const counts = [];
        for (const peer of window.e2e.peers) {
          for (const report of (await peer.getStats()).values()) if (report.type === 'inbound-rtp' && report.kind === 'video') counts.push(report.framesDecoded);
        }
        return counts.length >= 4 && counts.slice(0, 4).every((count, i) => count > least[i] + 10);
      },
      before,
      PATIENCE,
    );
    assert.deepEqual(guard.outside, []);
    assert.deepEqual(guard.faults, []);
    await guard.leave();
  });

  test('a tile plays the small stream, opens large with the main one, and closes again', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const offers = [];
    guard.page.on('request', (request) => request.url().includes(`/${TWO_STREAMS}/whep`) && offers.push(new URL(request.url()).searchParams.get('stream')));
    await guard.page.reload();
    const tile = guard.page.locator(`[data-camera="${TWO_STREAMS}"][data-state="live"]`);
    await tile.waitFor(PATIENCE);
    assert.deepEqual([...new Set(offers)], ['sub']);
    await tile.click();
    await guard.page.waitForSelector('dialog video');
    await guard.page.waitForFunction(() => (document.querySelector('dialog video')?.getVideoPlaybackQuality().totalVideoFrames ?? 0) > 5, null, PATIENCE);
    assert.equal(offers.at(-1), 'main');
    await guard.page.keyboard.press('Escape');
    await guard.page.waitForSelector('dialog', { state: 'detached' });
    await guard.leave();
  });

  test('a panic appears, the same again updates it, one key accepts it, and everybody sees who did', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const leader = await Seat.take(house.browser, house.site, 'leader');
    await house.site.panic(POS_2);
    await guard.alert('Pos 2').waitFor();
    await leader.alert('Pos 2').waitFor();
    const line = await guard.alert('Pos 2').locator('.line').innerText();
    assert.match(line.replace(/\s+/g, ' '), /^KRITIS - Tombol panik - .*Pos 2.*Gudang Belakang - \d\d\.\d\d\.\d\d WITA$/);

    await guard.page.locator('.front').filter({ hasText: 'Gudang Belakang' }).waitFor();
    await guard.page.waitForFunction(() => document.querySelector('[data-camera].called') !== null, null, PATIENCE);

    await house.site.panic(POS_2);
    await guard.alert('Pos 2').filter({ hasText: '2 kali' }).waitFor();
    assert.equal(await guard.alert('Pos 2').count(), 1);

    await guard.page.keyboard.press('t');
    await guard.alert('Pos 2').waitFor({ state: 'detached' });
    await guard.incident('Tombol panik').filter({ hasText: 'Diterima' }).waitFor();
    await leader.alert('Pos 2').waitFor({ state: 'detached' });
    const seen = await leader.incident('Tombol panik').innerText();
    const name = (await guard.page.locator('header .person strong').innerText()).trim();
    assert.ok(seen.includes(`Diterima ${name}`), `the leader should see who accepted it: ${seen}`);
    await guard.leave();
    await leader.leave();
  });

  test('who comes second is told who was first', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const leader = await Seat.take(house.browser, house.site, 'leader');
    await house.site.panic(PATROLI);
    await guard.alert('Patroli').waitFor();
    await leader.alert('Patroli').waitFor();
    // The leader's screen hears nothing for a moment, as over a bad line, and both press.
    await leader.page.evaluate(() => {
      for (const heard of window.e2e.live) heard.socket.onmessage = null;
    });
    await guard.alert('Patroli').locator('button.accept').click();
    await guard.alert('Patroli').waitFor({ state: 'detached' });
    await leader.alert('Patroli').locator('button.accept').click();
    const name = (await guard.page.locator('header .person strong').innerText()).trim();
    await leader.page.locator('.notice').filter({ hasText: 'Sudah diterima orang lain' }).filter({ hasText: name }).waitFor();
    await guard.leave();
    await leader.leave();
  });

  test('respond and resolve from the keyboard; a critical one needs cause and action', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    await guard.incident('Tombol panik').filter({ hasText: 'Gudang Belakang' }).waitFor();
    const { page } = guard;
    for (const chosen = page.locator('.queue .chosen').filter({ hasText: 'Gudang Belakang' }); (await chosen.count()) === 0; ) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('r');
    await guard.incident('Gudang Belakang').filter({ hasText: 'Ditangani' }).waitFor();
    await page.keyboard.press('s');
    await page.waitForSelector('dialog [name=cause]');
    await page.click('dialog button[type=submit]');
    await page.locator('dialog .error').first().waitFor();
    await page.fill('dialog [name=cause]', 'Tombol tertekan saat jatuh di tangga gudang.');
    await page.fill('dialog [name=action]', 'Petugas ditolong, gudang diperiksa berdua.');
    await page.click('dialog button[type=submit]');
    await guard.incident('Gudang Belakang').waitFor({ state: 'detached' });
    await guard.leave();
  });

  test('the list of keys opens on ?', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    await guard.page.keyboard.press('?');
    await guard.page.locator('dialog').filter({ hasText: 'Terima peringatan teratas' }).waitFor();
    await guard.leave();
  });
}
