// People who ask the site without a browser.
import assert from 'node:assert/strict';

export const PASSWORD = 'bebek menyeberang di pagi hari';

/** Asks the site as a person does by a script. */
export class Script {
  static async of(site, { name, password }) {
    const script = new Script(site);
    ({ token: script.token } = await script.ask('POST', '/session', { name, password }));
    return script;
  }

  constructor(site) {
    this.site = site;
  }

  async ask(method, path, body) {
    const headers = { 'Content-Type': 'application/json', ...(this.token ? { Authorization: `Bearer ${this.token}` } : {}) };
    const answer = await fetch(`${this.site.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}

/** Adds somebody who has chosen a password of their own. */
export async function enlist(site, login, name, role) {
  const admin = await Script.of(site, site.person('administrator'));
  const { id } = await admin.ask('POST', '/people', { login, name, role, password: 'sementara saja 2026' });
  const fresh = await Script.of(site, { name: login, password: 'sementara saja 2026' });
  await fresh.ask('POST', '/session/password', { old: 'sementara saja 2026', password: PASSWORD });
  return { id, name: login, password: PASSWORD, admin };
}
