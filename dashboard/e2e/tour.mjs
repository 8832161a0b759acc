// A walk through everything that a person can reach: pages by links, dialogs by buttons. What is new is found by itself.
import { PATIENCE } from './people.mjs';

/** More buttons than a page has to have; the rest is alike. */
const MOST_BUTTONS = 24;

export async function settled(page) {
  await page.waitForFunction(() => document.querySelector('main h1, main .title') !== null && document.querySelector('main .loading:not([data-part] *)') === null, null, PATIENCE);
}

/** Pages that differ only in whose id they carry are one page; a page to add something carries none. */
const shape = (path) => path.replace(/(?<=\/[^/]+)\/(?!tambah)[^/]*[\d-][^/]*/g, '/:id');

async function visit(seat, path) {
  const { page, site } = seat;
  if (new URL(page.url()).pathname === path) return;
  await page.evaluate((to) => {
    const link = document.createElement('a');
    link.href = to;
    document.querySelector('.app').append(link);
    link.click();
    link.remove();
  }, path);
  await page.waitForURL(`${site.url}${path}`);
}

const links = (page) => page.locator('header nav a, main a').evaluateAll((all) => all.filter((one) => one.origin === location.origin && !one.pathname.startsWith('/api/') && one.closest('[data-part]') === null).map((one) => one.pathname));

/** Runs in the page: its buttons, one of each kind, or, given a kind, a press on the first of it. */
function kinds(press) {
  const found = new Map();
  for (const one of document.querySelectorAll('main button:not([type=submit]):not(:disabled):not(.accept)')) {
    if (one.closest('dialog') !== null || one.offsetParent === null) continue;
    const name = (one.getAttribute('aria-label') ?? one.textContent).trim().replace(/\s+/g, ' ');
    const kind = `${one.className.replace(/(chosen|called|bad|big) /g, '')}|${one.parentElement?.className}|${one.dataset.camera ? '' : name.split(' ')[0]}`;
    if (!found.has(kind)) found.set(kind, name);
    if (kind === press) {
      one.click();
      return [];
    }
  }
  return [...found];
}

async function close(page) {
  const box = page.locator('dialog[open]');
  await page.keyboard.press('Escape');
  if ((await box.count()) > 0) await box.last().locator('button').last().click();
  await box.waitFor({ state: 'detached' });
}

/** Presses what can be pressed on this page and looks at every dialog that opens. */
async function press(seat, path, look, seen) {
  const { page } = seat;
  for (const [kind, name] of (await page.evaluate(kinds)).slice(0, MOST_BUTTONS)) {
    const what = `${shape(path)} > ${name}`;
    if (seen.has(what)) continue;
    await visit(seat, path);
    await settled(page);
    await page.evaluate(kinds, kind);
    // A dialog opens in the same turn or not at all.
    const box = page.locator('dialog[open]');
    if ((await box.count()) === 0) continue;
    seen.add(what);
    await look(page, what);
    await close(page);
  }
}

/** Looks at every page and dialog of a person; returns what was seen. `seen` holds what needs no second look. */
export async function tour(seat, look, { dialogs = true, seen = new Set() } = {}) {
  const { page } = seat;
  const done = new Set();
  const open = ['/gaya', '/tidak-ada', ...(await links(page))];
  for (let path = open.shift(); path !== undefined; path = open.shift()) {
    if (done.has(shape(path))) continue;
    done.add(shape(path));
    await visit(seat, path);
    await settled(page);
    await look(page, shape(path));
    open.push(...(await links(page)));
    if (dialogs) await press(seat, path, look, seen);
  }
  return new Set([...done, ...seen]);
}
