// The real program with its demo site, and what its devices can be made to say.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const here = dirname(fileURLToPath(import.meta.url));
export const PROGRAM = process.env.SIAGA_BIN ?? resolve(here, '../../bin/siaga');
export const READY_WITHIN_MS = 120_000;
const STOP_WITHIN_MS = 20_000;
const run = promisify(execFile);

export class Site {
  /** Starts a fresh demo; resolves once it has written demo.json. */
  static async start() {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there: run "make build" first`);
    const dir = mkdtempSync(join(tmpdir(), 'siaga-e2e-'));
    const child = spawn(PROGRAM, ['demo', '--dir', dir, '--listen', '127.0.0.1:0', '--quiet'], { stdio: ['ignore', 'pipe', 'pipe'] });
    const site = new Site(dir, child);
    child.stdout.on('data', (bytes) => site.keep(bytes));
    child.stderr.on('data', (bytes) => site.keep(bytes));
    try {
      site.demo = await site.ready();
    } catch (err) {
      await site.stop();
      throw err;
    }
    return site;
  }

  constructor(dir, child) {
    this.dir = dir;
    this.child = child;
    this.log = '';
  }

  get url() {
    return this.demo.url;
  }

  person(role) {
    const found = this.demo.users.find((user) => user.role === role);
    if (found === undefined) throw new Error(`the demo has nobody of role ${role}`);
    return found;
  }

  gateway(kind) {
    const found = this.demo.devices.find((device) => device.kind === kind);
    if (found === undefined) throw new Error(`the demo has no gateway of kind ${kind}`);
    return found;
  }

  /** Publishes as a gateway does, with its own credentials, on its topic or one below it. */
  async publish(gateway, payload, below = '') {
    const broker = new URL(this.demo.mqtt);
    const args = ['-h', broker.hostname, '-p', broker.port, '-u', gateway.mqtt_user, '-P', gateway.mqtt_password, '-i', `e2e-${gateway.id}`];
    await run('mosquitto_pub', [...args, '-q', '1', '-t', `${gateway.topic}${below}`, '-m', JSON.stringify(payload)], { timeout: 30_000 });
  }

  /** The orange button of a handy-talkie, as the radio gateway reports it. */
  panic(radio) {
    const at = new Date().toISOString();
    const said = { timestamp: at, source: 'rf', action: 'csbk', slot: 2, src_id: radio, dst_id: 9911, group: 'yes', src_info: 'E2E', csbk_desc: 'Call Emergency' };
    return this.publish(this.gateway('mmdvm'), { DMR: said });
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const gone = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      const hurry = AbortSignal.timeout(STOP_WITHIN_MS);
      hurry.onabort = () => this.child.kill('SIGKILL');
      await gone;
      hurry.onabort = null;
    }
    rmSync(this.dir, { recursive: true, force: true });
  }

  keep(bytes) {
    this.log = (this.log + bytes).slice(-8_000);
  }

  /** Waits for demo.json by watching the folder; a program that ends first is an error with its last words. */
  ready() {
    const file = join(this.dir, 'demo.json');
    const read = () => {
      try {
        return JSON.parse(readFileSync(file, 'utf8'));
      } catch {
        return undefined; // not there yet, or half written
      }
    };
    return new Promise((done, fail) => {
      const stop = new AbortController();
      const end = (finish, value) => {
        stop.abort();
        finish(value);
      };
      const look = () => {
        const demo = read();
        if (demo !== undefined) end(done, demo);
      };
      watch(this.dir, { signal: stop.signal }, look).on('error', () => undefined);
      this.child.once('error', (err) => end(fail, err));
      this.child.once('exit', (code) => end(fail, new Error(`siaga demo ended with ${code}:\n${this.log}`)));
      AbortSignal.timeout(READY_WITHIN_MS).onabort = () => end(fail, new Error(`no demo.json within ${READY_WITHIN_MS / 1000} s:\n${this.log}`));
      look();
    });
  }
}
