import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serious } from './axe.mjs';
import { PATIENCE, Seat } from './people.mjs';

const POS_INDUK = 5100201;
const POS_1 = 5100202;

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

export function pagesSpecs(house) {
  test('the language changes at once, and stays after a reload', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    await page.locator('h2').filter({ hasText: 'Menunggu diterima' }).waitFor();
    await page.click('header [lang=en]');
    await page.locator('h2').filter({ hasText: 'To be accepted' }).waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), 'en');
    await page.reload();
    await page.locator('h2').filter({ hasText: 'To be accepted' }).waitFor();
    await guard.leave();
  });

  test('a wrong password is refused in words', async () => {
    const context = await house.browser.newContext();
    const page = await context.newPage();
    await page.goto(house.site.url);
    await page.fill('[name=username]', 'penjaga');
    await page.fill('[name=password]', 'bukan ini');
    await page.click('form button[type=submit]');
    await page.locator('[role=alert]').filter({ hasText: 'Nama atau kata sandi salah' }).waitFor();
    await context.close();
  });

  test('each role sees what it may', async () => {
    const tabs = async (role) => {
      const seat = await Seat.take(house.browser, house.site, role);
      const seen = await seat.page.locator('header nav a').evaluateAll((links) => links.map((link) => link.getAttribute('href')));
      await seat.leave();
      return seen;
    };
    assert.deepEqual(await tabs('guard'), ['/', '/kejadian', '/perangkat', '/zona']);
    assert.deepEqual(await tabs('chair'), ['/', '/kejadian', '/perangkat']);
    assert.deepEqual(await tabs('technician'), ['/perangkat', '/zona']);
    assert.deepEqual(await tabs('administrator'), ['/zona', '/orang', '/pengaturan']);
  });

  test('an incident is found by its filters, and its page tells who did what', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader');
    const { page } = leader;
    await house.site.panic(POS_INDUK);
    await leader.alert('Pos Induk').waitFor();
    await leader.alert('Pos Induk').locator('button.accept').click();
    await leader.alert('Pos Induk').waitFor({ state: 'detached' });
    await leader.go('/kejadian');
    await page.getByRole('button', { name: 'Kritis' }).click();
    await page.waitForURL(/prioritas=critical/);
    await page.reload();
    await page.locator('main li a').filter({ hasText: 'Tombol panik' }).filter({ hasText: 'Pos Jaga' }).first().click();
    await page.locator('h1').filter({ hasText: 'Tombol panik' }).waitFor();
    const name = (await page.locator('header .person strong').innerText()).trim();
    await page.locator('main li').filter({ hasText: `oleh ${name}` }).first().waitFor();
    await page.getByRole('button', { name: 'Latihan' }).click();
    await page.fill('dialog [name=text]', 'Uji bulanan');
    await page.click('dialog button[type=submit]');
    await page.locator('p.drill').filter({ hasText: 'LATIHAN' }).waitFor();
    await leader.leave();
  });

  test('the administrator adds a person, who must choose a password of their own', async () => {
    const admin = await Seat.take(house.browser, house.site, 'administrator');
    const { page } = admin;
    await page.getByRole('button', { name: 'Tambah orang' }).click();
    await page.fill('dialog [name=name]', 'Petugas Uji');
    await page.fill('dialog [name=login]', 'petugas.uji');
    await page.fill('dialog [name=new-password]', 'sementara saja 2026');
    await page.click('dialog button[type=submit]');
    await page.locator('[data-login="petugas.uji"]').waitFor();
    await admin.leave();

    const context = await house.browser.newContext();
    const fresh = await context.newPage();
    await fresh.goto(house.site.url);
    await fresh.fill('[name=username]', 'petugas.uji');
    await fresh.fill('[name=password]', 'sementara saja 2026');
    await fresh.click('form button[type=submit]');
    await fresh.locator('h1').filter({ hasText: 'Pilih kata sandi sendiri' }).waitFor();
    await fresh.fill('[name=password]', 'sementara saja 2026');
    await fresh.fill('[name=new-password]', 'milik saya sendiri 77');
    await fresh.fill('[name=new-password-again]', 'milik saya sendiri 77');
    await fresh.click('form button[type=submit]');
    await fresh.waitForSelector('header nav');
    await context.close();
  });

  test('a critical alert, an incident and the wizard fit a phone and have no serious fault for a screen reader', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader', { phone: true });
    const technician = await Seat.take(house.browser, house.site, 'technician', { phone: true });
    const look = async (page, what) => {
      assert.ok((await overflow(page)) <= 0, `${what} scrolls sideways on a phone`);
      assert.deepEqual(await serious(page), [], what);
    };
    await house.site.panic(POS_1);
    await leader.alert('Pos 1').waitFor();
    await look(leader.page, 'the console with a critical alert');
    await leader.alert('Pos 1').locator('button.accept').click();
    await leader.incident('Tombol panik').filter({ hasText: 'Gerbang' }).locator('a.number').click();
    await leader.page.locator('h1').filter({ hasText: 'Tombol panik' }).waitFor();
    await look(leader.page, 'the page of an incident');
    await leader.page.getByRole('button', { name: 'Selesaikan' }).click();
    await leader.page.waitForSelector('dialog [name=cause]');
    await look(leader.page, 'the form that resolves');
    await technician.page.click('a[href="/perangkat/tambah"]');
    await technician.page.waitForSelector('[name=address]');
    await look(technician.page, 'the wizard');
    await technician.page.click('main a[href="/perangkat"]');
    await technician.page.locator('main li a').first().click();
    await technician.page.waitForURL(/\/perangkat\/./);
    await look(technician.page, 'the page of a device');
    await leader.leave();
    await technician.leave();
  });

  for (const [role, paths] of [['leader', ['/', '/kejadian', '/perangkat']], ['technician', ['/perangkat']], ['administrator', ['/orang', '/akun']]]) {
    test(`the pages of a ${role} fit a phone and have no serious fault for a screen reader`, async () => {
      const seat = await Seat.take(house.browser, house.site, role, { phone: true });
      for (const path of paths) {
        await seat.go(path);
        await seat.page.waitForFunction(() => document.querySelector('main [role=status] .out-of-sight') === null && document.querySelector('main h1') !== null, null, PATIENCE);
        assert.ok((await overflow(seat.page)) <= 0, `${path} scrolls sideways on a phone`);
        assert.deepEqual(await serious(seat.page), [], `${path} on a phone`);
      }
      await seat.page.setViewportSize({ width: 1600, height: 900 });
      assert.deepEqual(await serious(seat.page), []);
      assert.deepEqual(seat.outside, []);
      assert.deepEqual(seat.faults, []);
      await seat.leave();
    });
  }
}
