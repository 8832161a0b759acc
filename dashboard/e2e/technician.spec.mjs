// Scenario C as far as a machine can walk it: a camera out of its box, its place on the plan, its replacement, many at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

export function technicianSpecs(house) {
  const spare = () => house.site.demo.spare_cameras.at(0);

  async function wizard(seat, address, password) {
    const { page } = seat;
    await seat.go('/perangkat');
    await page.click('a[href="/perangkat/tambah"]');
    await page.fill('[name=address]', address);
    await page.fill('[name=camera-user]', spare().user ?? 'siaga');
    await page.fill('[name=camera-password]', password);
    await page.click('form button[type=submit]');
  }

  test('C2: nobody need know an RTSP path: the common ones are tried, and the one found stands in its box', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await wizard(technician, new URL(spare().rtsp.replace('rtsp', 'http')).host, spare().password);
    const found = page.locator('[data-probe=ok]');
    await found.waitFor(PATIENCE);
    assert.match(await found.innerText(), /Jalur ditemukan sendiri: hikvision/i);
    assert.match(await found.locator('[data-told]').innerText(), /Kamera memberitahukan: perangkat lunak \S/);
    assert.equal(await page.inputValue('[name=path-main]'), '/Streaming/Channels/101');
    assert.equal(await page.inputValue('[name=path-sub]'), '', 'this camera has no sub stream, so none is kept');
    await technician.leave();
  });

  test('C3: a wrong password is said in words, and is not tried on every path', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    await wizard(technician, new URL(spare().rtsp.replace('rtsp', 'http')).host, 'bukan ini');
    const refusal = technician.page.locator('[data-probe=failed]');
    await refusal.waitFor(PATIENCE);
    assert.match(await refusal.innerText(), /Nama atau kata sandi ditolak/);
    await technician.leave();
  });

  test('C4: a camera is put on the plan, turned by keys, and stands there after a reload', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/zona');
    await page.click('[data-zone=kantor]');
    await page.click('main a[href="/zona/kantor"]');
    const mark = page.locator('[data-mark=mjn-gdd-01]');
    await mark.click();
    const was = Number(await page.inputValue('[name=heading]'));
    await mark.focus();
    for (const key of ['ArrowRight', ']', '.']) await page.keyboard.press(key);
    assert.equal(Number(await page.inputValue('[name=heading]')), was + 5);
    await page.locator('.saved.open').waitFor();
    await page.click('header nav a[href="/perangkat"]');
    await page.locator('dialog').filter({ hasText: 'belum disimpan' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Control+s');
    await page.locator('.saved:not(.open)').filter({ hasText: 'Semua tersimpan' }).waitFor();
    await page.reload();
    await mark.click();
    assert.equal(Number(await page.inputValue('[name=heading]')), was + 5);
    await technician.leave();
  });

  test('of two technicians who change one zone, the second learns who was first and loses nothing', async () => {
    const [first, second] = [await Seat.take(house.browser, house.site, 'technician'), await Seat.take(house.browser, house.site, 'technician')];
    const open = async ({ page }) => {
      await page.click('header nav a[href="/zona"]');
      await page.click('[data-zone=lobi]');
      await page.getByRole('button', { name: 'Ubah zona' }).click();
    };
    await open(first);
    await open(second);
    await first.page.fill('dialog [name=code]', 'LOB');
    await first.page.click('dialog button[type=submit]');
    await first.page.locator('dialog').waitFor({ state: 'detached' });
    await second.page.fill('dialog [name=name]', 'Lobi Depan');
    await second.page.click('dialog button[type=submit]');
    await second.page.locator('dialog .error').filter({ hasText: 'Sudah diubah oleh' }).waitFor();
    await second.page.getByRole('button', { name: 'Muat yang terbaru' }).click();
    await second.page.waitForFunction(() => document.querySelector('dialog [name=code]')?.value === 'LOB', null, PATIENCE);
    assert.equal(await second.page.inputValue('dialog [name=name]'), 'Lobi Depan');
    await second.page.click('dialog button[type=submit]');
    await second.page.locator('[data-zone=lobi]').filter({ hasText: 'Lobi Depan' }).waitFor();
    await first.leave();
    await second.leave();
  });

  test('C8: a broken camera is replaced in its place; its name and zone stay', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/perangkat');
    await page.fill('input[type=search]', 'BKM');
    await page.locator('main li a').first().click();
    await page.getByRole('button', { name: 'Ganti perangkat' }).click();
    await page.fill('dialog [name=address]', spare().rtsp);
    await page.fill('dialog [name=camera-user]', spare().user);
    await page.fill('dialog [name=camera-password]', spare().password);
    await page.fill('dialog [name=reason]', 'Unit lama rusak');
    await page.click('dialog button[type=submit]');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await page.locator('h1').filter({ hasText: 'MJN-BKM-01' }).waitFor();
    await page.locator('dd').filter({ hasText: new URL(spare().rtsp.replace('rtsp', 'http')).pathname }).first().waitFor();
    await technician.leave();
  });

  test('the drone tells its firmware: it is found by it, in the list and on its page', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/perangkat');
    await page.fill('input[type=search]', '10.01.16.20');
    const drone = page.locator('main li a').filter({ hasText: 'M3TD' });
    await drone.filter({ hasText: 'Firmware 10.01.16.20' }).click();
    assert.match(await page.locator('[data-told=firmware]').innerText(), /^Firmware\s+10\.01\.16\.20$/);
    assert.match(await page.locator('[data-told=serial]').innerText(), /1581F6Q8D24BC00GH72K/);
    await technician.leave();
  });

  test('a gateway is registered, its password shown once with the lines to type in, and a radio behind it', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/perangkat');
    await page.click('a[href="/perangkat/tambah-gateway"]');
    await page.fill('[name=topic]', 'ht-gateway-uji');
    await page.fill('[name=name]', 'Gateway Uji');
    await page.selectOption('[name=zone]', 'kantor');
    await page.click('form button[type=submit]');
    const lines = await page.locator('[data-type-in]').innerText();
    assert.match(lines, /Username=gateway-uji\nPassword=\S{20,}\n[\s\S]*Name=ht-gateway-uji/);
    await page.locator('dialog button.primary').click();
    await page.waitForURL(/\/perangkat\/gateway-uji/);
    await page.getByRole('button', { name: 'Tambah perangkat di belakangnya' }).click();
    await page.fill('dialog [name=child-key]', '5100999');
    await page.fill('dialog [name=name]', 'HT Uji');
    await page.click('dialog button[type=submit]');
    await page.locator('main li').filter({ hasText: 'HT Uji' }).waitFor();
    await technician.leave();
  });

  test('a table of cameras: complaints by line, applied as a whole, and taken back', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/perangkat');
    await page.click('a[href="/perangkat/impor"]');
    const head = 'id,name,kind,zone,config.url';
    const rows = Array.from({ length: 16 }, (_, at) => `uji-${at},UJI-${at},rtsp,gudang-induk,rtsp://127.0.0.1:9/${at}`);
    await page.fill('[name=text]', [head, ...rows, 'uji-salah,UJI-SALAH,rtsp,tidak-ada,rtsp://127.0.0.1:9/x'].join('\n'));
    await page.click('form button[type=submit]');
    await page.locator('[data-problems="1"]').filter({ hasText: 'Baris 18' }).filter({ hasText: 'zona tidak-ada belum ada' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Terapkan' }).count(), 0);
    await page.fill('[name=text]', [head, ...rows].join('\n'));
    await page.click('form button[type=submit]');
    await page.locator('[data-changes="16"]').waitFor();
    await page.getByRole('button', { name: 'Terapkan' }).click();
    await page.locator('h2').filter({ hasText: 'Impor diterapkan' }).waitFor();
    await page.getByRole('button', { name: 'Kembalikan' }).click();
    await page.fill('dialog [name=reason]', 'Salah berkas');
    await page.click('dialog button[type=submit]');
    await page.locator('dialog').waitFor({ state: 'detached' });
    await technician.go('/perangkat');
    await page.fill('input[type=search]', 'UJI-1');
    await page.locator('.empty').waitFor();
    await technician.leave();
  });

  test('the settings page shows what the site runs with, and when a change takes effect', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    await technician.go('/perangkat');
    await page.click('a[href="/pengaturan"]');
    const row = page.locator('[data-key="recording.keep_days"]');
    assert.match(await row.innerText(), /recording\.keep_days[\s\S]*Berlaku begitu disimpan/);
    assert.match(await page.locator('[data-key="http.listen"]').innerText(), /Berlaku setelah mulai ulang/);
    assert.equal(await row.getByRole('button').count(), 0, 'a technician reads');
    assert.doesNotMatch(await page.locator('[data-key=contacts]').innerText(), /[{}"]/);
    await technician.leave();
  });

  test('the administrator changes a number, and the card a guard has open shows it without a reload', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const administrator = await Seat.take(house.browser, house.site, 'administrator');
    const { page } = administrator;
    await house.site.panic(5100203);
    const number = guard.page.locator('section.card .call a').filter({ hasText: '0812-0000-0105' });
    await number.first().waitFor(PATIENCE);
    await administrator.go('/pengaturan');
    const row = page.locator('[data-key=contacts]');
    await row.getByRole('button', { name: /^Ubah/ }).click();
    await page.fill('dialog [data-contact=leader] [name=phone]', '0813-7777-0001');
    await page.fill('dialog [name=reason]', 'Danru ganti nomor');
    await page.click('dialog button[type=submit]');
    await guard.page.locator('section.card .call a').filter({ hasText: '0813-7777-0001' }).first().waitFor(PATIENCE);
    assert.match(await row.innerText(), /0813-7777-0001[\s\S]*diubah oleh[\s\S]*Berlaku begitu disimpan/);
    await row.getByRole('button', { name: /^Kembalikan ke berkas/ }).click();
    await page.fill('dialog [name=reason]', 'Salah orang');
    await page.click('dialog button[type=submit]');
    await number.first().waitFor(PATIENCE);
    assert.deepEqual([...guard.faults, ...administrator.faults], []);
    await administrator.leave();
    await guard.leave();
  });

  test('ten thousand devices: the list is there, filters and opens one', async () => {
    const technician = await Seat.take(house.browser, house.site, 'technician');
    const { page } = technician;
    const rows = Array.from({ length: 10_000 }, (_, at) => `k-${at},RIBU-${String(at).padStart(5, '0')},radio,kantor,zigbee,k${at}`);
    const status = await page.evaluate(async (body) => (await fetch('/api/v1/devices/import', { method: 'POST', headers: { 'Content-Type': 'text/csv' }, body })).status, ['id,name,kind,zone,parent,child_key', ...rows].join('\n'));
    assert.equal(status, 200);
    await page.reload();
    await page.locator('main li a').first().waitFor(PATIENCE);
    const began = Date.now();
    await page.fill('input[type=search]', 'RIBU-09999');
    await page.locator('main li a').filter({ hasText: 'RIBU-09999' }).waitFor();
    console.log(`# 10,000 devices: a typed search answers in ${Date.now() - began} ms`);
    assert.equal(await page.locator('main li a').count(), 1);
    const removed = await page.evaluate(async (body) => (await fetch('/api/v1/devices/import', { method: 'POST', headers: { 'Content-Type': 'application/yaml' }, body })).status, ['remove:', ...rows.map((_, at) => `  - {device: k-${at}}`)].join('\n'));
    assert.equal(removed, 200);
    await technician.leave();
  });
}
