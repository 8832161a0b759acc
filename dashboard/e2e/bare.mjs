// A site in its first minutes: the real program with nothing in it.
import { spawn } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { enlist } from './script.mjs';
import { PROGRAM, READY_WITHIN_MS, Site } from './site.mjs';

const RULES = resolve(dirname(fileURLToPath(import.meta.url)), '../../configs/rules');
const CONFIG = `site: {id: kpu-baru, name: KPU Kabupaten Baru}
data: data
rules: ${RULES}
http: {listen: '127.0.0.1:0'}
live: {listen: '127.0.0.1:0'}
mqtt: {listen: '127.0.0.1:0'}
log: {level: warn}
`;
const INVITED = /Open (\S+) and enrol the administrator with this code:\s+(\S+)\s/;

export class BareSite extends Site {
  /** Starts the program on an empty folder; `code` enrols the administrator. */
  static async start() {
    const dir = mkdtempSync(join(tmpdir(), 'siaga-bare-'));
    const file = join(dir, 'siaga.yaml');
    writeFileSync(file, CONFIG);
    const child = spawn(PROGRAM, ['serve', '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] });
    const site = new BareSite(dir, child);
    await new Promise((done, fail) => {
      const hear = (bytes) => {
        site.keep(bytes);
        const found = INVITED.exec(site.log);
        if (found === null) return;
        site.demo = { url: found[1].replace(/\/$/, ''), users: [] };
        site.code = found[2];
        done();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', (code) => fail(new Error(`siaga serve ended with ${code}:\n${site.log}`)));
      AbortSignal.timeout(READY_WITHIN_MS).onabort = () => fail(new Error(`no invitation to enrol:\n${site.log}`));
    });
    return site;
  }

  /** Enrols the administrator as the first person before the screen does. */
  async enrol(page) {
    const admin = { role: 'administrator', name: 'admin', password: 'yang pertama masuk 2026' };
    await page.goto(this.url);
    await page.fill('[name=setup-code]', this.code);
    await page.fill('[name=name]', 'Administrator Pertama');
    await page.fill('[name=username]', admin.name);
    await page.fill('[name=new-password]', admin.password);
    await page.fill('[name=new-password-again]', admin.password);
    await page.click('form button[type=submit]');
    this.demo.users.push(admin);
  }

  /** The administrator adds somebody, who chooses a password of their own. */
  async admit(role) {
    this.demo.users.push({ role, ...(await enlist(this, role, `Petugas ${role}`, role)) });
  }
}
