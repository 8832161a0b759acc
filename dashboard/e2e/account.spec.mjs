// Own account, sessions that end in the middle of an act, two people at once, and texts that attack the screen.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { Seat } from './people.mjs';
import { enlist, PASSWORD, Script } from './script.mjs';

const HOSTILE = `<img src=x onerror=pwned=1>"'><svg/onload=pwned=2>`;
const HOSTILE_RADIO = 5100977;
const POS_2 = 5100203;

/** The code that an app shows for a secret. */
function oneTimeCode(secret, step) {
  const bits = [...secret].map((char) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(char).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', key).update(counter).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

const stepNow = () => Math.floor(Date.now() / 30_000);

async function sit(house, person) {
  const context = await house.browser.newContext({ viewport: { width: 1600, height: 900 } });
  context.setDefaultTimeout(45_000);
  const seat = new Seat(house.site, context, await context.newPage());
  await seat.signIn(person);
  return seat;
}

async function openIncident(house, radio, text) {
  await house.site.panic(radio);
  const guard = await Script.of(house.site, house.site.person('leader'));
  for (;;) {
    const { items } = await guard.ask('GET', '/incidents?state=open&limit=100');
    const found = items.find((one) => JSON.stringify(one).includes(text));
    if (found) return found;
  }
}

export function accountSpecs(house) {
  test('codes are set up on the own page, asked for, taken once, and removed by the administrator', async () => {
    const person = await enlist(house.site, 'uji.kode', 'Uji Kode', 'guard');
    const seat = await sit(house, person);
    const { page } = seat;
    await page.click('header a[href="/akun"]');
    await page.getByRole('button', { name: 'Pasang' }).click();
    await page.fill('dialog [name=password]', PASSWORD);
    await page.click('dialog button[type=submit]');
    await page.waitForSelector('dialog svg[role=img] path');
    const secret = (await page.locator('[data-secret]').innerText()).replace(/\s/g, '');
    const code = oneTimeCode(secret, stepNow());
    await page.fill('dialog [name=code]', code);
    await page.click('dialog button[type=submit]');
    await page.locator('main').getByText('Aktif: setiap masuk meminta kode').waitFor();
    await seat.leave();

    const context = await house.browser.newContext();
    const door = await context.newPage();
    await door.goto(house.site.url);
    await door.fill('[name=username]', person.name);
    await door.fill('[name=password]', PASSWORD);
    await door.click('form button[type=submit]');
    await door.fill('[name=code]', code);
    await door.click('form button[type=submit]');
    await door.locator('[role=alert]').waitFor(); // the same code again
    await door.fill('[name=code]', oneTimeCode(secret, stepNow() + 1));
    await door.click('form button[type=submit]');
    await door.waitForSelector('header nav');
    await context.close();

    const admin = await Seat.take(house.browser, house.site, 'administrator');
    const row = admin.page.locator('[data-login="uji.kode"]');
    await row.getByRole('button', { name: 'Hapus kode' }).click();
    await admin.page.fill('dialog [name=reason]', 'Ponsel hilang');
    await admin.page.click('dialog button[type=submit]');
    await row.getByRole('button', { name: 'Hapus kode' }).waitFor({ state: 'detached' });
    await admin.leave();
    await (await sit(house, person)).leave();
  });

  test('the administrator edits, sees and ends sessions, resets and shuts out with a reason', async () => {
    const person = await enlist(house.site, 'uji.orang', 'Uji Orang', 'guard');
    const works = await sit(house, person);
    const admin = await Seat.take(house.browser, house.site, 'administrator');
    const { page } = admin;
    const row = page.locator('[data-login="uji.orang"]');
    await row.getByRole('button', { name: 'Ubah' }).click();
    await page.fill('dialog [name=titles]', 'Bripka');
    await page.check('dialog [value=leader]');
    await page.click('dialog button[type=submit]');
    await row.getByText('Danru').waitFor();
    await row.getByText('Bripka').waitFor();
    await row.getByRole('button', { name: 'Ganti kata sandi' }).click();
    await page.fill('dialog [name=reason]', 'Lupa');
    await page.click('dialog button[type=submit]');
    assert.match(await page.locator('[data-password]').innerText(), /^[a-z2-7]{4}(-[a-z2-7]{4}){3}$/);
    await page.getByRole('button', { name: 'Sudah disampaikan' }).click();
    await works.page.locator('dialog').getByText('Sesi berakhir').waitFor();
    await row.getByRole('button', { name: 'Nonaktifkan' }).click();
    await page.click('dialog button[type=submit]');
    await page.locator('dialog .error, dialog [class*=error]').first().waitFor(); // no reason, no deed
    await page.fill('dialog [name=reason]', 'Pindah tugas');
    await page.click('dialog button[type=submit]');
    await row.getByText('Dinonaktifkan').waitFor();
    await admin.leave();
    await works.leave();
  });

  test('a session that ends while somebody writes loses nothing: signed in again, the act is carried out', async () => {
    const person = await enlist(house.site, 'uji.tulis', 'Uji Tulis', 'leader');
    const incident = await openIncident(house, POS_2, 'Pos 2');
    const seat = await sit(house, person);
    const { page } = seat;
    await page.goto(`${house.site.url}/kejadian/${incident.number}`);
    await page.getByRole('button', { name: 'Catatan', exact: false }).first().click();
    await page.fill('dialog [name=text]', 'Pintu belakang sudah diperiksa');
    const { items } = await person.admin.ask('GET', `/sessions?person=${person.id}`);
    for (const one of items) await person.admin.ask('DELETE', `/sessions/${one.id}?reason=uji`);
    await page.locator('dialog').getByText('Sesi berakhir').waitFor();
    assert.equal(await page.locator('dialog [name=text]').inputValue(), 'Pintu belakang sudah diperiksa');
    await page.fill('dialog [name=password]', PASSWORD);
    await page.locator('dialog').filter({ hasText: 'Sesi berakhir' }).locator('button[type=submit]').click();
    await page.locator('dialog').getByText('Sesi berakhir').waitFor({ state: 'detached' });
    await page.click('dialog button[type=submit]');
    await page.locator('main').getByText('Pintu belakang sudah diperiksa').first().waitFor();
    await seat.leave();
  });

  test('of two people who resolve at once the second sees who was first, and keeps what they wrote', async () => {
    const incident = await openIncident(house, POS_2, 'Pos 2');
    const leader = await Script.of(house.site, house.site.person('leader'));
    await leader.ask('POST', `/incidents/${incident.id}/acknowledge`, {}).catch(() => undefined); // it may be accepted already
    const second = await sit(house, await enlist(house.site, 'uji.kedua', 'Uji Kedua', 'secretariat'));
    await second.page.goto(`${house.site.url}/kejadian/${incident.number}`);
    await second.page.getByRole('button', { name: 'Selesaikan' }).click();
    await second.page.fill('dialog [name=cause]', 'Tombol tertekan');
    await second.page.fill('dialog [name=action]', 'Ditegur');
    await leader.ask('POST', `/incidents/${incident.id}/resolve`, { cause: 'Latihan', action: 'Dicatat' });
    await second.page.click('dialog button[type=submit]');
    await second.page.locator('dialog [role=alert]').getByText(/sudah lebih dulu: Selesai, \d\d\.\d\d\.\d\d WITA/).waitFor();
    assert.equal(await second.page.locator('dialog [name=cause]').inputValue(), 'Tombol tertekan');
    await second.leave();
  });

  test('names and messages that attack the screen show as what they are, and run nowhere', async () => {
    const technician = await Script.of(house.site, house.site.person('technician'));
    await technician.ask('POST', '/zones', { id: 'zona-uji', name: `Zona ${HOSTILE}`, kind: 'store' });
    const gateway = house.site.gateway('mmdvm');
    await technician.ask('POST', '/devices', { id: 'ht-uji', driver: 'radio', name: `HT ${HOSTILE}`, alias: HOSTILE, zone: 'zona-uji', parent: gateway.id, child_key: String(HOSTILE_RADIO) });
    const person = await enlist(house.site, 'uji.serang', HOSTILE, 'leader');
    const said = { timestamp: new Date().toISOString(), source: 'rf', action: 'csbk', slot: 2, src_id: HOSTILE_RADIO, dst_id: 9911, group: 'yes', src_info: HOSTILE, csbk_desc: `Call Emergency ${HOSTILE}` };
    await house.site.publish(gateway, { DMR: said });

    const looks = async (seat, paths, least) => {
      const { page } = seat;
      page.on('dialog', (box) => seat.faults.push(`a dialog opened: ${box.message()}`));
      for (const path of paths) {
        await page.goto(house.site.url + path);
        await page.locator('body').getByText('<img src=x', { exact: false }).filter({ visible: true }).nth(least - 1).waitFor();
        assert.equal(await page.evaluate(() => window.pwned), undefined, path);
        assert.equal(await page.locator('img[src=x]').count(), 0, path);
      }
      assert.deepEqual(seat.faults, []);
      assert.deepEqual(seat.outside, []);
      await seat.leave();
    };
    const incident = await openIncident(house, HOSTILE_RADIO, 'zona-uji');
    const script = await Script.of(house.site, { name: person.name, password: PASSWORD });
    await script.ask('POST', `/incidents/${incident.id}/acknowledge`, {});
    await script.ask('POST', `/incidents/${incident.id}/note`, { note: `Catatan ${HOSTILE}\n${'مرحبا '.repeat(20)}👮🏽‍♀️` });
    await looks(await sit(house, person), ['/', '/kejadian', `/kejadian/${incident.number}`, '/akun'], 1);
    await looks(await Seat.take(house.browser, house.site, 'technician'), ['/perangkat', '/perangkat/ht-uji'], 1);
    await looks(await Seat.take(house.browser, house.site, 'administrator'), ['/orang'], 1);
    await technician.ask('DELETE', '/devices/ht-uji?reason=uji');
  });
}
