import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

export function benchSpecs(house) {
  test('a technician adds a camera and it shows on the guard\'s wall; no other picture starts anew', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    await guard.page.locator('.grids button').filter({ hasText: '16' }).click();
    const count = house.site.demo.cameras.length;
    await guard.page.waitForFunction((want) => document.querySelectorAll('[data-camera][data-state="live"]').length === want, count, PATIENCE);
    const offers = [];
    guard.page.on('request', (request) => request.url().includes('/whep') && offers.push(new URL(request.url()).pathname));
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    const camera = house.site.demo.spare_cameras.at(-1);
    await technician.go('/perangkat');
    await page.click('a[href="/perangkat/tambah"]');
    await page.fill('[name=address]', camera.rtsp);
    await page.fill('[name=camera-user]', camera.user ?? '');
    await page.fill('[name=camera-password]', camera.password ?? '');
    await page.click('form button[type=submit]');
    await page.waitForSelector('[data-probe=ok] img', PATIENCE);
    await page.selectOption('[name=zone]', { index: 1 });
    await page.waitForFunction(() => document.querySelector('[name=name]')?.value !== '', null, PATIENCE);
    const name = await page.inputValue('[name=name]');
    await page.locator('form button[type=submit]').last().click();
    await page.waitForURL(/\/perangkat\/(?!tambah)/);

    const tile = guard.page.locator('[data-camera]').filter({ hasText: name });
    await tile.waitFor();
    await tile.filter({ hasText: 'BARU' }).waitFor();
    await guard.page.waitForFunction(
      (label) => [...document.querySelectorAll('[data-camera][data-state="live"]')].some((one) => one.textContent.includes(label)),
      name,
      PATIENCE,
    );
    const added = new URL(page.url()).pathname.split('/').at(-1);
    assert.deepEqual([...new Set(offers)], [`/api/v1/cameras/${added}/whep`]);
    await guard.leave();
    await technician.leave();
  });

  test('a camera that will not work is refused with the plain reason and what to do', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    const camera = house.site.demo.spare_cameras.at(-1);
    await technician.go('/perangkat');
    await page.click('a[href="/perangkat/tambah"]');
    await page.click('form button[type=submit]');
    await page.locator('.error').filter({ hasText: 'Isi alamat kamera' }).waitFor();
    await page.fill('[name=address]', camera.rtsp);
    await page.fill('[name=camera-user]', camera.user ?? 'siaga');
    await page.fill('[name=camera-password]', 'not the password');
    await page.click('form button[type=submit]');
    const refusal = page.locator('[data-probe=failed]');
    await refusal.waitFor(PATIENCE);
    assert.match(await refusal.innerText(), /Nama atau kata sandi ditolak[\s\S]*Yang dapat dilakukan/);
    assert.equal(await page.locator('[name=zone]').count(), 0);
    await technician.leave();
  });

  test('a picture that this person may not see is asked for once, and the page says why there is none', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    const offers = [];
    page.on('request', (request) => request.url().includes('/whep') && offers.push(request.url()));
    await page.fill('input[type=search]', 'SRV');
    await page.locator('main li a').first().click();
    await page.locator('.veil').filter({ hasText: 'daftarkan sendiri' }).waitFor();
    await page.getByRole('button', { name: 'Uji', exact: true }).click();
    await page.waitForSelector('[data-probe=ok]', PATIENCE);
    assert.equal(offers.length, 1, offers.join("\n"));
    await technician.leave();
  });

  test('a camera is switched off with a reason, and on again', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/perangkat');
    await page.fill('input[type=search]', 'LBI');
    await page.locator('main li a').first().click();
    await page.getByRole('button', { name: 'Nonaktifkan' }).click();
    await page.click('dialog button[type=submit]');
    await page.locator('dialog .error').waitFor();
    await page.fill('dialog [name=reason]', 'Dibersihkan');
    await page.click('dialog button[type=submit]');
    await page.getByRole('button', { name: 'Aktifkan', exact: true }).click();
    await page.fill('dialog [name=reason]', 'Selesai dibersihkan');
    await page.click('dialog button[type=submit]');
    await page.getByRole('button', { name: 'Nonaktifkan' }).waitFor();
    await technician.leave();
  });
}
