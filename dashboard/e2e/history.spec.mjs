// Scenario B1 to B3: the chair before the plenary.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

const POS_2 = 5100203;
/** Of the same zone; what it sees is recorded before the panic. */
const CAMERA = 'mjn-gdb-01';
/** Where pictures of the pages go, when somebody wants to look at them. */
const SHOTS = process.env.SHOTS ?? '';

const overflow = (page) => page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);

async function shoot(page, name, fullPage = false) {
  if (SHOTS === '') return;
  mkdirSync(SHOTS, { recursive: true });
  await page.evaluate(() => window.scrollTo(0, 0));
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage });
}

/** Text of each row of the list. */
const rows = (page) => page.locator('main a.row-link').allInnerTexts();

export function historySpecs(house) {
  const at = {};

  test('B0: a panic at night is accepted, handled and reported', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader');
    const { page } = leader;
    await page.waitForFunction(async (camera) => {
      const page = await (await fetch(`/api/v1/cameras/${camera}/segments`)).json();
      return (page.items ?? []).some((one) => Date.parse(one.end) - Date.parse(one.start) > 3000);
    }, CAMERA, { ...PATIENCE, polling: 500 });
    await house.site.panic(POS_2);
    const alert = page.locator('.queue [data-alert]').filter({ hasText: 'Pos 2' });
    await alert.waitFor();
    await alert.locator('button.accept').click();
    await alert.waitFor({ state: 'detached' });
    await leader.go('/kejadian');
    const row = page.locator('main a.row-link').filter({ hasText: 'Tombol panik' }).first();
    at.path = await row.getAttribute('href');
    await row.click();
    await page.getByRole('button', { name: 'Tanggapi' }).click();
    await page.getByRole('button', { name: 'Tulis Lapdi' }).click();
    const what = page.locator('textarea[name=what]');
    assert.match(await what.inputValue(), /sistem mencatat peringatan "Tombol panik"/, 'the draft comes from the facts');
    assert.equal(await page.locator('textarea[name=why]').inputValue(), '', 'why is for people to say');
    await page.fill('textarea[name=how]', 'Dua petugas memeriksa pagar timur dan gudang; keadaan aman terkendali.');
    await page.getByRole('button', { name: 'Simpan Lapdi' }).click();
    await page.getByRole('button', { name: 'Perbarui Lapdi' }).waitFor();
    await page.fill('input[name=number]', 'LP/B/12/XI/2026/SPKT');
    await page.getByRole('button', { name: 'Catat nomor' }).click();
    await page.locator('main li').filter({ hasText: 'LP/B/12/XI/2026/SPKT' }).first().waitFor();
    await leader.leave();
  });

  test('B1: the chair opens the history and sees counts, trend and response at a glance', async () => {
    const chair = await Seat.take(house.browser, house.site, 'chair');
    const { page } = chair;
    await page.waitForURL(/\/kejadian$/);
    const began = Date.now();
    await page.goto(`${house.site.url}/kejadian`);
    await page.locator('section.summary .big').waitFor();
    await page.locator('main a.row-link').first().waitFor();
    console.log(`  history: from the address to list and counts in ${Date.now() - began} ms (goal: first page within 500 ms)`);
    assert.equal(await page.locator('.chip[aria-pressed=true]').first().innerText(), '7 hari terakhir');
    assert.ok(Number(await page.locator('section.summary .big').innerText()) >= 1);
    assert.match(await page.locator('section.summary figure svg').getAttribute('aria-label'), /Kejadian per hari: .*\d/, 'the bars are told in words');
    assert.match(await page.locator('section.summary').innerText(), /Kritis[\s\S]*Kategori[\s\S]*Zona[\s\S]*Waktu diterima/);
    await shoot(page, 'riwayat');
    assert.deepEqual(chair.faults, []);
    await chair.leave();
  });

  test('B2: filters stand in the address, go back with the back key, and keep place and time zone', async () => {
    const chair = await Seat.take(house.browser, house.site, 'chair');
    const { page } = chair;
    await page.locator('main a.row-link').first().waitFor();
    const before = Date.now();
    await page.getByRole('button', { name: 'Kritis', exact: true }).click();
    await page.waitForURL(/prioritas=critical/);
    await page.fill('main input[type=search]', 'pagar timur');
    await page.waitForURL(/cari=pagar/);
    const row = page.locator('main a.row-link').filter({ hasText: 'Tombol panik' }).first();
    await row.waitFor();
    console.log(`  history: two filters answered in ${Date.now() - before} ms`);
    assert.match(await row.innerText(), /Kritis[\s\S]*\d{2}\/\d{2}\/\d{4} \d{2}\.\d{2} WITA[\s\S]*setelah peringatan/);
    await row.locator('img').waitFor();
    const shared = page.url();
    await page.goto(shared);
    await page.locator('main a.row-link').filter({ hasText: 'Tombol panik' }).first().waitFor();
    assert.equal(await page.locator('main input[type=search]').inputValue(), 'pagar timur');
    await page.locator('.filters select').nth(2).selectOption({ index: 1 });
    await page.waitForURL(/zona=/);
    await page.goBack();
    await page.waitForURL((url) => !url.search.includes('zona=') && url.search.includes('prioritas=critical'));
    await page.fill('main input[type=search]', 'tidakadaitu');
    await page.getByText('Tidak ada kejadian yang cocok').waitFor();
    assert.equal((await rows(page)).length, 0);
    await chair.leave();
  });

  test('B3: one timeline, pictures that play by one clock, and a story of five sentences', async () => {
    const chair = await Seat.take(house.browser, house.site, 'chair');
    const { page } = chair;
    await page.goto(house.site.url + at.path);
    const story = page.locator('section[aria-labelledby=cerita] li');
    await story.first().waitFor();
    assert.equal(await story.count(), 5);
    const told = (await story.allInnerTexts()).join(' ');
    assert.match(told, /^Pada \w+, \d+ \w+ 2\d{3}, \d{2}\.\d{2}\.\d{2} WITA sistem mencatat peringatan "Tombol panik"/);
    assert.doesNotMatch(told, /pelaku|tersangka|bersalah|pencuri/i);
    const timeline = page.locator('section[aria-labelledby=urutan]');
    for (const source of ['Peringatan', 'Tindakan', 'Radio']) await timeline.getByRole('button', { name: new RegExp(`^${source} \\d+$`) }).waitFor();
    const radio = timeline.getByRole('button', { name: /^Radio \d+$/ });
    const many = await timeline.locator('li').count();
    await radio.click();
    await page.waitForURL(/tanpa=radio/);
    assert.ok((await timeline.locator('li').count()) < many, 'a source can be left out');
    await radio.click();

    const screen = page.locator('figure[data-camera]').first();
    await page.locator('figure[data-shows=video] video').first().waitFor().catch(async (err) => {
      throw new Error(`no picture: ${(await page.locator('figure[data-camera]').allInnerTexts()).join(' | ')}`, { cause: err });
    });
    const clock = () => page.locator('output[data-now]').getAttribute('data-now').then(Number);
    const start = await clock();
    await page.getByRole('button', { name: 'Putar', exact: true }).click();
    await page.waitForFunction((from) => Number(document.querySelector('output[data-now]').dataset.now) > from + 1500, start, PATIENCE);
    const apart = await page.evaluate(() => {
      const times = [...document.querySelectorAll('figure[data-shows=video] video')].map((video) => video.currentTime);
      return times.length > 0 && times.every((time) => time > 0);
    });
    assert.ok(apart, 'the pictures move with the clock');
    await page.getByRole('button', { name: 'Jeda' }).click();
    const paused = await clock();
    await page.getByRole('button', { name: '-10 detik' }).click();
    assert.ok((await clock()) < paused);
    await page.getByRole('button', { name: 'Ke saat peringatan' }).click();
    assert.equal(await clock(), start);
    await page.locator('section[aria-labelledby=percakapan] li').filter({ hasText: 'Tombol panik' }).first().waitFor();
    assert.equal(await screen.locator('figcaption b').count(), 1);
    await shoot(page, 'kejadian', true);
    assert.deepEqual(chair.outside, []);
    assert.deepEqual(chair.faults, []);
    await chair.leave();
  });

  test('B3: who resolved a critical incident sees why they cannot close it; the chair can', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader');
    const chair = await Seat.take(house.browser, house.site, 'chair');
    await leader.page.goto(house.site.url + at.path);
    await leader.page.getByRole('button', { name: 'Selesaikan' }).click();
    await leader.page.fill('dialog [name=cause]', 'Tombol tertekan saat memanjat pagar');
    await leader.page.fill('dialog [name=action]', 'Lokasi diperiksa, HT diganti');
    await leader.page.click('dialog button[type=submit]');
    await leader.page.getByText('Anda yang menyatakan kejadian ini selesai').waitFor();
    assert.equal(await leader.page.getByRole('button', { name: 'Tutup kejadian' }).count(), 0);
    await chair.page.goto(house.site.url + at.path);
    await chair.page.getByRole('button', { name: 'Tutup kejadian' }).click();
    await chair.page.fill('dialog [name=text]', 'Sudah diperiksa');
    await chair.page.click('dialog button[type=submit]');
    await chair.page.locator('[data-step=close].done').waitFor();
    await leader.leave();
    await chair.leave();
  });

  test('B3: the report prints on A4 with letterhead, page numbers and the checkpoint at the foot', async () => {
    const chair = await Seat.take(house.browser, house.site, 'chair');
    const { page } = chair;
    await page.goto(house.site.url + at.path);
    await page.getByRole('link', { name: 'Cetak' }).click();
    await page.locator('article.paper').waitFor();
    const text = await page.locator('article.paper').innerText();
    assert.match(text, /KOMISI PEMILIHAN UMUM KABUPATEN MAJENE/);
    assert.match(text, /LAPORAN KEJADIAN \(LAPDI\)\s+Nomor: 2\d{3}-\d{6}/);
    for (const word of ['Siapa', 'Apa', 'Di mana', 'Dengan apa', 'Mengapa', 'Bagaimana', 'Bilamana', 'LP/B/12/XI/2026/SPKT', 'Pelapor,', 'Pemeriksa,']) assert.ok(text.includes(word), word);
    assert.match(text, /log sampai peristiwa \d+; titik periksa \S+: \d+ peristiwa, \S{40,}/);
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('.tools').isVisible(), false);
    assert.equal(await page.locator('header nav').isVisible(), false);
    await page.emulateMedia({ media: null });
    const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
    assert.match(pdf.subarray(0, 5).toString('latin1'), /%PDF-/);
    const pages = pdf.toString('latin1').match(/\/Type \/Page\b/g)?.length ?? 0;
    assert.ok(pages >= 1 && pages <= 12, `${pages} pages`);
    await shoot(page, 'cetak', true);
    if (SHOTS !== '') writeFileSync(join(SHOTS, 'cetak.pdf'), pdf);
    console.log(`  print: ${pages} pages, ${pdf.length} bytes`);
    await chair.leave();
  });

  test('footage without an incident asks for a purpose, and the log keeps it', async () => {
    const chair = await Seat.take(house.browser, house.site, 'chair');
    const { page } = chair;
    await page.getByRole('link', { name: 'Lihat rekaman' }).click();
    await page.selectOption('select[name=camera]', CAMERA);
    const span = await page.evaluate(async (camera) => (await (await fetch(`/api/v1/cameras/${camera}/segments`)).json()).items[0].start, CAMERA);
    const wall = new Intl.DateTimeFormat('sv-SE', { timeZone: 'Asia/Makassar', dateStyle: 'short', timeStyle: 'short' }).format(Date.parse(span) + 1000);
    await page.goto(`${house.site.url}/rekaman?kamera=${CAMERA}&saat=${wall.replace(' ', 'T')}`);
    await page.getByRole('button', { name: 'Tampilkan' }).click();
    await page.fill('dialog [name=purpose]', 'x');
    await page.click('dialog button[type=submit]');
    await page.getByText('Tuliskan tujuan, sedikitnya 5 huruf').waitFor();
    await page.fill('dialog [name=purpose]', 'Pemeriksaan berkala');
    await page.click('dialog button[type=submit]');
    await page.locator(`figure[data-camera=${CAMERA}] video`).waitFor();
    await page.waitForFunction(async () => {
      const page = await (await fetch('/api/v1/events?kind=act.viewed&order=desc&limit=20')).json();
      return page.items.some((event) => event.body.purpose === 'Pemeriksaan berkala' && event.body.what === 'video');
    }, null, { ...PATIENCE, polling: 500 });
    assert.deepEqual(chair.faults, []);
    await chair.leave();
  });

  test('the history, an incident and its print fit the phone of the leader', async () => {
    const leader = await Seat.take(house.browser, house.site, 'leader', { phone: true });
    const { page } = leader;
    for (const [path, ready, name] of [['/kejadian', 'main a.row-link', 'riwayat-hp'], [at.path, 'section[aria-labelledby=cerita] li', 'kejadian-hp'], [`${at.path}/cetak`, 'article.paper', 'cetak-hp']]) {
      await page.goto(house.site.url + path);
      await page.locator(ready).first().waitFor();
      await shoot(page, name, true);
      assert.ok((await overflow(page)) <= 0, `${path} scrolls sideways on a phone`);
    }
    assert.deepEqual(leader.faults, []);
    await leader.leave();
  });
}

