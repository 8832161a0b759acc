// Scenario A, the guard's night: A1, A5, A6, A7 and A10 against the real program, and the question whether anybody is there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

/** Post 1 at the gate, with one camera. */
const POS_1 = 5100202;
const GATE_CAMERA = 'mjn-gbg-01';
const LADDER = { timeout: 100_000 };

/** Timings are printed, not asserted: the machine that runs this is nobody's server room. */
const tell = (what, since) => console.log(`      ${what}: ${Math.round(performance.now() - since)} ms`);

/** What the API answers to the person of this page. */
const ask = (page, path, body) =>
  page.evaluate(
    async ([to, sent]) => {
      const init = sent ? { method: 'POST', body: JSON.stringify(sent), headers: { 'Content-Type': 'application/json' } } : {};
      const answer = await fetch(`/api/v1${to}`, init);
      return { status: answer.status, body: await answer.json() };
    },
    [path, body],
  );

const gateRow = (seat) => seat.alert('Pos 1');
const gateCase = (seat) => seat.incident('Tombol panik').filter({ hasText: 'Gerbang' });
const personOf = async (seat) => (await seat.page.locator('header .person strong').textContent()).trim();

/** The console in a new window that nobody has touched for so long: the page's clock goes ahead once it has begun. */
async function untouched(seat, minutes) {
  const page = await seat.context.newPage();
  await page.addInitScript((ms) => {
    localStorage.setItem('siaga.console', `konsol-uji-${ms}`);
    const [now, plain] = [Date.now.bind(Date), window.fetch.bind(window)];
    let ahead = 0;
    Date.now = () => now() + ahead;
    window.fetch = (...args) => {
      ahead = ms;
      return plain(...args);
    };
  }, minutes * 60_000);
  await page.goto(seat.site.url);
  await page.waitForSelector('header nav');
  return page;
}

export function nightSpecs(house) {
  const night = {};

  test('A1: the one who comes sees what is open, dead and unrecorded, as the log has it', async () => {
    const begun = performance.now();
    const guard = await Seat.take(house.browser, house.site, 'guard');
    tell('signed in, page there', begun);
    const panel = guard.page.locator('[data-panel=handover]');
    await panel.locator('.counts').waitFor();
    tell('handover there', begun);
    const { body } = await ask(guard.page, '/incidents?state=open&limit=500');
    const text = await panel.innerText();
    assert.match(text, /Kejadian terbuka/);
    assert.match(text, /Perangkat mati/);
    assert.match(text, /Tidak direkam/);
    const shown = body.items.filter((incident) => text.includes(incident.number)).length;
    const more = Number(/dan (\d+) lagi/.exec(text)?.[1] ?? 0);
    assert.equal(shown + more, body.items.length, text);
    await guard.leave();
  });

  test('A5: the orange button: line, siren, camera of its zone and action card by themselves', async () => {
    night.guard = await Seat.take(house.browser, house.site, 'guard', { stays: true });
    night.leader = await Seat.take(house.browser, house.site, 'leader', { phone: true, stays: true });
    const { page } = night.guard;
    await page.waitForSelector('[data-camera][data-state="live"]', PATIENCE);
    const pressed = performance.now();
    await house.site.panic(POS_1);
    await gateRow(night.guard).waitFor();
    tell('radio to screen, with starting mosquitto_pub', pressed);
    await page.waitForSelector(`[data-camera="${GATE_CAMERA}"].called[data-state="live"]`, PATIENCE);
    tell('camera of the zone in front and live', pressed);
    const line = (await gateRow(night.guard).locator('.line').innerText()).replace(/\s+/g, ' ');
    assert.match(line, /^KRITIS - Tombol panik - .*Pos 1.*Gerbang - \d\d\.\d\d\.\d\d WITA$/);
    const card = gateRow(night.guard).locator('.card');
    assert.equal(await card.locator('ol li').count(), 5);
    await card.getByText('Polres Majene').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement === document.body), true, 'nothing may take the focus');
    await page.keyboard.press('m');
    await page.locator('.notice').filter({ hasText: 'Tidak dibisukan' }).waitFor();
  });

  test('A6: nobody accepts, so the site passes it up to the leader after a minute', async () => {
    await gateRow(night.guard).filter({ hasText: 'Dieskalasi ke' }).waitFor(LADDER);
    await gateRow(night.leader).filter({ hasText: 'Dieskalasi ke' }).waitFor();
    const { body } = await ask(night.guard.page, '/incidents?state=open&limit=500');
    night.incident = body.items.find((incident) => incident.alerts.some((alert) => alert.device === 'ht-pos-1'));
    const { body: full } = await ask(night.guard.page, `/incidents/${night.incident.id}`);
    const up = full.acts.filter((act) => act.kind === 'act.escalated');
    assert.equal(up.length, 1);
    assert.equal(up[0].by, '', 'the site itself did it');
    assert.equal(up[0].to, 'leader');
    const waited = Date.parse(up[0].at) - Date.parse(night.incident.opened_at);
    console.log(`      passed up after ${waited} ms`);
    assert.ok(waited >= 60_000 && waited < 75_000, `${waited} ms`);
  });

  test('A7: the leader accepts from the phone and writes where he is; everybody sees who', async () => {
    const { guard, leader } = night;
    const tapped = performance.now();
    await gateRow(leader).locator('button.accept').tap();
    await gateCase(guard).filter({ hasText: 'Diterima' }).waitFor();
    tell('tap on the phone to the console', tapped);
    const name = await personOf(leader);
    assert.ok((await gateCase(guard).innerText()).includes(`Diterima ${name}`));
    await gateCase(leader).getByRole('button', { name: 'Tanggapi' }).tap();
    await gateCase(guard).filter({ hasText: 'Ditangani' }).waitFor();
    await gateCase(leader).getByRole('button', { name: 'Catatan' }).tap();
    await leader.page.fill('dialog textarea', 'menuju lokasi');
    await leader.page.locator('dialog button[type=submit]').tap();
    await leader.page.waitForSelector('dialog', { state: 'detached' });
    const { body } = await ask(guard.page, `/incidents/${night.incident.id}`);
    assert.ok(body.acts.some((act) => act.kind === 'act.noted' && act.note === 'menuju lokasi' && act.by_name === name));
    const wide = await leader.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wide <= 0, `the phone page is ${wide} px too wide`);
  });

  test('A10: a critical incident is not ended without cause and action, nor closed by one person', async () => {
    const { guard, leader } = night;
    const { page } = guard;
    for (const chosen = page.locator('.queue .chosen').filter({ hasText: 'Gerbang' }); (await chosen.count()) === 0; ) await page.keyboard.press('ArrowDown');
    await page.keyboard.press('s');
    await page.waitForSelector('dialog [name=cause]');
    await page.keyboard.press('Control+Enter');
    await page.locator('dialog button[type=submit]').press('Enter');
    await page.locator('dialog .error').first().waitFor();
    await page.fill('dialog [name=cause]', 'Petugas terpeleset di gerbang, tombol tertekan.');
    await page.fill('dialog [name=action]', 'Ditolong, gerbang diperiksa berdua, tidak ada orang lain.');
    await page.locator('dialog button[type=submit]').press('Enter');
    await gateCase(guard).waitFor({ state: 'detached' });
    await gateCase(leader).waitFor({ state: 'detached' });
    await page.locator('.front').waitFor({ state: 'detached' });

    const close = `/incidents/${night.incident.id}/close`;
    const own = await ask(page, close, {});
    assert.equal(own.status, 403, 'the guard who resolved it');
    const second = await ask(leader.page, close, { note: 'Sudah ditinjau.' });
    assert.equal(second.status, 200);
    assert.equal(second.body.state, 'closed');
    assert.deepEqual([guard.faults, leader.faults, guard.outside], [[], [], []]);
    await guard.leave();
    await leader.leave();
  });

  test('nobody answers the console: the leader is told; who answers only answers', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const asked = await untouched(guard, 31);
    await asked.locator('dialog.watch').filter({ hasText: 'Masih berjaga?' }).waitFor();
    await asked.keyboard.press('g');
    await asked.waitForSelector('dialog.watch', { state: 'detached' });
    assert.equal(await asked.locator('.grids [aria-pressed=true]').innerText(), '4', 'the answer must not be an order');
    await asked.close();

    const page = await untouched(guard, 36);
    await guard.page.close();
    await page.locator('dialog.watch').waitFor();
    const unattended = () => fetch('/api/v1/events?kind=console.unattended&order=desc&limit=1').then(async (answer) => (await answer.json()).items.length > 0);
    await page.waitForFunction(unattended, null, { timeout: 90_000, polling: 1000 });
    await page.locator('.queue [data-alert]').filter({ hasText: 'Konsol tidak dijaga' }).waitFor();
    const leader = await Seat.take(house.browser, house.site, 'leader', { phone: true });
    await leader.alert('Konsol tidak dijaga').locator('.card li').first().waitFor();
    await page.keyboard.press('g');
    await page.waitForSelector('dialog.watch', { state: 'detached' });
    await leader.alert('Konsol tidak dijaga').locator('button.accept').tap();
    await leader.incident('Konsol tidak dijaga').waitFor();
    const cleared = () => fetch('/api/v1/alerts?state=active&limit=500').then(async (answer) => (await answer.json()).items.every((alert) => alert.rule !== 'console-unattended'));
    await page.waitForFunction(cleared, null, { timeout: 30_000, polling: 500 });
    await guard.leave();
    await leader.leave();
  });

  test('radio, drone and plan open by one key each; Enter on a camera of the plan opens it', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    await page.locator('[data-panel=handover]').waitFor();
    await page.keyboard.press('h');
    await page.waitForSelector('[data-panel=radio] [data-radio]', PATIENCE);
    await page.keyboard.press('d');
    await page.locator('[data-panel=drone] [data-drone]').filter({ hasText: '%' }).waitFor();
    await page.keyboard.press('p');
    await page.locator(`[data-panel=plan] [data-mark="${GATE_CAMERA}"]`).focus();
    await page.keyboard.press('Enter');
    await page.locator('dialog').filter({ hasText: 'MJN-GBG-01' }).waitFor();
    await page.keyboard.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.keyboard.press('p');
    await page.waitForSelector('[data-panel]', { state: 'detached' });
    await guard.leave();
  });

  test('the plan shows the radios at their posts, and the drone where it flies with the way that it came', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const { page } = guard;
    await page.locator('[data-panel=handover]').waitFor();
    await page.keyboard.press('p');
    const plan = page.locator('[data-panel=plan]');
    for (const radio of ['ht-pos-1', 'ht-pos-2', 'ht-danru']) await plan.locator(`[data-mark="${radio}"]`).waitFor();
    const drone = plan.locator('[data-mark="drone-1"]');
    await drone.waitFor();
    const way = () => plan.locator('polyline.track').getAttribute('points');
    const [place, came] = [await drone.getAttribute('style'), await way()];
    await page.waitForFunction(([was, before]) => document.querySelector('[data-mark="drone-1"]').getAttribute('style') !== was && document.querySelector('polyline.track').getAttribute('points') !== before, [place, came], PATIENCE);
    assert.match(await way(), /^[\d.]+,[\d.]+( [\d.]+,[\d.]+)+$/);
    await guard.leave();
  });

  test('a second window shows the wall alone, with a choice of its own and without noise', async () => {
    const guard = await Seat.take(house.browser, house.site, 'guard');
    const opened = guard.context.waitForEvent('page');
    await guard.page.keyboard.press('w');
    const second = await opened;
    await second.waitForSelector('.alone [data-camera]', PATIENCE);
    assert.equal(await second.locator('header.top').count(), 0);
    assert.match(second.url(), /\/wall\?grid=4/);
    await second.keyboard.press('g');
    await second.waitForURL(/grid=9/);
    assert.equal(await guard.page.locator('.grids [aria-pressed=true]').innerText(), '4');
    await guard.leave();
  });
}
