// One guard, no mouse: every task of a shift, from signing in to signing out.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PATIENCE, Seat } from './people.mjs';

const POS_1 = 5100202;
const POS_2 = 5100203;
/** More presses of Tab than any page needs; a part that cannot be reached is an error, not a long wait. */
const MOST_TABS = 120;

/** Hands on the keyboard. The mouse of the page is taken away. */
class Hands {
  constructor(page) {
    this.page = page;
    this.keys = page.keyboard;
    for (const name of ['click', 'dblclick', 'hover', 'tap', 'fill', 'check', 'selectOption', 'mouse', 'touchscreen']) {
      Object.defineProperty(page, name, { get: () => assert.fail(`${name}: this guard has no mouse`) });
    }
  }

  focused() {
    return this.page.evaluate(() => {
      const one = document.activeElement;
      const box = one.getBoundingClientRect();
      const { outlineStyle, outlineWidth } = getComputedStyle(one);
      return {
        name: one.getAttribute('name') ?? '', path: one.getAttribute('href') ?? '', lang: one.getAttribute('lang') ?? '',
        words: (one.getAttribute('aria-label') ?? one.textContent).trim().replace(/\s+/g, ' '),
        seen: one === document.body || (box.width > 0 && outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2),
      };
    });
  }

  /** Goes on with Tab until the part is under the hand. Each stop on the way must be seen. */
  async reach(what, wanted) {
    const passed = [];
    for (let n = 0; n < MOST_TABS; n++) {
      const one = await this.focused();
      if (wanted(one)) return;
      passed.push(one.words.slice(0, 30));
      await this.keys.press('Tab');
      const next = await this.focused();
      assert.ok(next.seen, `the focus cannot be seen on "${next.words.slice(0, 60)}"`);
    }
    assert.fail(`${what} is not reached with ${MOST_TABS} times Tab: ${passed.join(' > ')}`);
  }

  async press(words) {
    await this.reach(words, (one) => one.words.startsWith(words));
    await this.keys.press('Enter');
  }

  async type(name, text) {
    await this.reach(name, (one) => one.name === name);
    await this.keys.type(text);
  }
}

async function signIn(house) {
  const context = await house.browser.newContext({ viewport: { width: 1920, height: 1080 } });
  context.setDefaultTimeout(PATIENCE.timeout);
  const page = await context.newPage();
  await page.goto(house.site.url);
  await page.waitForSelector('[name=username]');
  const hands = new Hands(page);
  const person = house.site.person('guard');
  await hands.type('username', person.name);
  await hands.type('password', person.password);
  await hands.keys.press('Enter');
  await page.waitForSelector('header nav');
  const guard = new Seat(house.site, context, page);
  return { guard, page, hands };
}

/** Accepts what earlier shifts left, so that the next alert is the top one. */
async function clear({ page, hands }) {
  await page.locator('.queue h2').first().waitFor();
  for (let left = await page.locator('.queue [data-alert]').count(); left > 0; left = await page.locator('.queue [data-alert]').count()) {
    const top = await page.locator('.queue [data-alert]').first().getAttribute('data-alert');
    await hands.keys.press('t');
    await page.locator(`.queue [data-alert="${top}"]`).waitFor({ state: 'detached' });
  }
}

async function choose({ page, hands }, incident) {
  for (const chosen = page.locator(`[data-row="${incident}"].chosen`); (await chosen.count()) === 0; ) await hands.keys.press('ArrowDown');
}

export function keyboardSpecs(house) {
  test('a whole shift without a mouse', async () => {
    const shift = await signIn(house);
    const { guard, page, hands } = shift;
    await clear(shift);

    // A camera, large, and back.
    await page.waitForSelector('[data-camera]');
    await hands.keys.press('1');
    await page.waitForSelector('dialog video');
    await hands.keys.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });

    // The keys, on every page.
    await hands.keys.press('?');
    await page.locator('dialog').filter({ hasText: 'Terima peringatan teratas' }).filter({ hasText: 'Di semua halaman' }).waitFor();
    await hands.keys.press('Escape');
    await page.waitForSelector('dialog', { state: 'detached' });

    // Accept, respond, resolve with cause and action.
    await house.site.panic(POS_2);
    await guard.alert('Pos 2').waitFor();
    await hands.keys.press('Space');
    await guard.alert('Pos 2').waitFor({ state: 'detached' });
    const first = await page.locator('.queue [data-incident].chosen').getAttribute('data-incident');
    await hands.keys.press('r');
    await page.locator(`[data-incident="${first}"]`).filter({ hasText: 'Ditangani' }).waitFor();
    await hands.keys.press('s');
    await page.waitForSelector('dialog [name=cause]');
    await hands.type('cause', 'Tombol tertekan saat jatuh di tangga gudang.');
    await hands.type('action', 'Petugas ditolong, gudang diperiksa berdua.');
    await hands.press('Selesaikan');
    await page.locator(`[data-incident="${first}"]`).waitFor({ state: 'detached' });

    // Another one: open its page, mark it a false alarm, and back to the wall.
    await house.site.panic(POS_1);
    await guard.alert('Pos 1').waitFor();
    await hands.keys.press('t');
    await guard.alert('Pos 1').waitFor({ state: 'detached' });
    const second = await page.locator('.queue [data-incident].chosen').getAttribute('data-incident');
    await choose(shift, second);
    await hands.keys.press('Enter');
    await page.waitForURL(`**/kejadian/${second}`);
    await page.locator('h1').filter({ hasText: 'Tombol panik' }).waitFor();
    await hands.press('Alarm palsu');
    await page.waitForSelector('dialog [name=text]');
    await hands.type('text', 'Salah tekan saat mengganti baterai.');
    await hands.press('Kirim');
    await page.waitForSelector('dialog', { state: 'detached' });
    await page.locator('main header').filter({ hasText: 'Alarm palsu' }).waitFor();
    await hands.reach('the wall', (one) => one.path === '/' && one.words.startsWith('Konsol'));
    await hands.keys.press('Enter');
    await page.waitForSelector('.queue');
    assert.equal(await page.locator(`[data-incident="${second}"]`).count(), 0);

    // The other language, and out.
    await hands.reach('the other language', (one) => one.lang === 'en');
    await hands.keys.press('Enter');
    await page.locator('h2').filter({ hasText: 'To be accepted' }).waitFor();
    await hands.press('Sign out');
    await page.waitForSelector('[name=username]');
    assert.deepEqual(guard.faults, []);
    await guard.leave();
  });
}
