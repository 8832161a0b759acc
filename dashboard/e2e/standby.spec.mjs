// The night the database is damaged: the site shows what is left, is loud about it, and comes back with the backup.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, renameSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { findings } from './axe.mjs';
import { Seat } from './people.mjs';
import { PROGRAM, Site } from './site.mjs';

const run = promisify(execFile);
const POS_INDUK = 5100201;
const PAGE = 4096;

/** A port that is free, so that the program has the same before and after. */
async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Ends the demo and starts the plain program on what it left, at a port of its own. */
async function serveOn(site, before) {
  const gone = once(site.child, 'exit');
  site.child.kill('SIGTERM');
  await gone;
  const config = join(site.dir, 'siaga.yaml');
  const port = await freePort();
  writeFileSync(config, readFileSync(config, 'utf8').replace(/(http:\s*\n\s*listen:\s*)\S+/, `$1127.0.0.1:${port}`));
  before();
  site.child = spawn(PROGRAM, ['serve', '--config', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  site.child.stdout.on('data', (bytes) => site.keep(bytes));
  site.child.stderr.on('data', (bytes) => site.keep(bytes));
  site.demo.url = `http://127.0.0.1:${port}`;
  return config;
}

/** Makes one page in the middle of the database unreadable. */
function damage(file) {
  const bytes = readFileSync(file);
  const at = Math.floor(bytes.length / 2 / PAGE) * PAGE;
  for (let i = at; i < at + 128; i++) bytes[i] ^= 0xa5;
  writeFileSync(file, bytes);
}

/** Waits until the program shows the sign-in page, and not only the alarm. */
async function shown(page, url) {
  for (;;) {
    const answer = await page.goto(url).catch(() => null);
    if (answer?.ok()) return;
  }
}

export function standbySpecs(house) {
  test('a damaged database: what is left can be seen and not changed, loudly, until the backup is back', async () => {
    const site = await Site.start();
    try {
      await site.panic(POS_INDUK);
      const before = await Seat.take(house.browser, site, 'guard');
      await before.alert('Pos Induk').waitFor();
      await before.leave();
      const data = join(site.dir, 'data');
      const backup = join(site.dir, 'cadangan');
      await run(PROGRAM, ['backup', '--config', join(site.dir, 'siaga.yaml'), '--to', backup]);
      const config = await serveOn(site, () => damage(join(data, 'siaga.db')));

      const seat = await Seat.open(house.browser, site);
      const { page } = seat;
      await shown(page, site.url);
      const banner = page.locator('.banner').filter({ hasText: 'BASIS DATA RUSAK' });
      await banner.waitFor();
      await seat.signIn(site.person('guard'));
      await banner.filter({ hasText: /[1-9][\d.]* kejadian terbaca/ }).waitFor();
      await seat.alert('Pos Induk').waitFor();
      assert.deepEqual(await findings(page, 'a site that stands by'), []);
      await banner.getByRole('button', { name: 'Saya tahu' }).click();
      assert.equal(await banner.getByRole('button').count(), 0);
      await seat.alert('Pos Induk').getByRole('button', { name: 'Terima' }).click();
      await page.locator('.notice').filter({ hasText: 'basis data rusak, hanya dapat dilihat' }).waitFor();
      await seat.go('/kejadian');
      await page.getByText(/^[1-9]\d* kejadian ditampilkan/).waitFor();

      const evidence = join(site.dir, 'bukti');
      mkdirSync(evidence);
      for (const name of ['siaga.db', 'siaga.db-wal', 'siaga.db-shm']) {
        if (existsSync(join(data, name))) renameSync(join(data, name), join(evidence, name));
      }
      await run(PROGRAM, ['restore', '--config', config, '--from', backup]);
      const { password } = site.person('guard');
      await page.fill('dialog [name=password]', password); // the session of the standby went with what it was kept in
      await page.click('dialog button[type=submit]');
      await banner.waitFor({ state: 'detached' });
      await page.waitForSelector('header nav');
      assert.deepEqual(seat.faults, []);
      await seat.leave();
    } finally {
      await site.stop();
    }
  });
}
