// A fake site behind the two doors of src/data: the same messages, no server. For showing, designing and screenshots.
import type { Act, Device, DeviceDraft, Incident, LiveMessage, Role } from '../wire';
import { FALLBACK, FROZEN, HINTS, OFFLINE, scopesOf, SITE } from './data';
import { answer, sceneOf, still } from './picture';
import { tell } from './story';
import { World } from './world';

interface FakeSocket {
  binaryType: BinaryType;
  onopen: ((ev: globalThis.Event) => void) | null;
  onmessage: ((ev: MessageEvent) => void) | null;
  onclose: ((ev: CloseEvent) => void) | null;
  close(): void;
}

type Body = Record<string, string> & { config?: { url?: string }; disabled?: boolean };

const json = (value: unknown, status = 200): Response => new Response(JSON.stringify(value), { status, headers: { 'Content-Type': 'application/json' } });
const problem = (status: number, code: string, more: object = {}): Response => json({ status, code, title: code, detail: code, ...more }, status);

/** `peran` signs in at once as that role, `adegan` picks what happens; both are kept until the tab closes. */
export function fakeSite(query: URLSearchParams): { fetch(path: string, init?: RequestInit): Promise<Response>; socket(path: string): FakeSocket } {
  const recall = (key: string, otherwise: string): string => {
    const said = query.get(key);
    if (said !== null) sessionStorage.setItem(key, said);
    return sessionStorage.getItem(key) ?? otherwise;
  };
  const scene = recall('adegan', 'malam');
  const role = recall('peran', '');
  const world = new World();
  const site = new FakeSite(world, scene !== 'daftar', role !== '');
  if (role !== '') world.become(role as Role);
  tell(world, scene);
  if (scene === 'putus') setTimeout(() => site.cut(), 4_000);
  return { fetch: (path, init) => site.fetch(path, init), socket: (path) => site.socket(path) };
}

class FakeSite {
  private calls = new Map<string, { close(): void }>();
  private sockets = new Set<FakeSocket>();
  private dead = false;

  constructor(
    private readonly world: World,
    private enrolled: boolean,
    private signedIn: boolean,
  ) {}

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    await new Promise((resolve) => setTimeout(resolve, 60));
    if (this.dead) throw new TypeError('Failed to fetch');
    const url = new URL(path, location.origin);
    const parts = url.pathname.replace('/api/v1/', '').split('/').map(decodeURIComponent);
    const body = typeof init.body === 'string' && init.body.startsWith('{') ? (JSON.parse(init.body) as Body) : ({} as Body);
    const method = init.method ?? 'GET';
    switch (parts[0]) {
      case 'setup':
        return this.setup(method, body);
      case 'session':
        return this.session(method, body);
      case 'zones':
        return json({ items: this.world.zones, next: '' });
      case 'devices':
        return this.devices(method, parts, body, url.searchParams);
      case 'alerts':
        return this.accept(this.world.alerts.get(parts[1] ?? '')?.incident ?? '');
      case 'incidents':
        return this.incidents(method, parts, body, url.searchParams);
      case 'cameras':
        return this.cameras(method, parts, typeof init.body === 'string' ? init.body : '');
      case 'people':
        return this.people(method, parts, body);
      default:
        return problem(404, 'not_found');
    }
  }

  cut(): void {
    this.dead = true;
    for (const socket of this.sockets) socket.onclose?.(new CloseEvent('close', { code: 1006 }));
  }

  socket(path: string): FakeSocket {
    const made: FakeSocket = { binaryType: 'blob', onopen: null, onmessage: null, onclose: null, close: () => undefined };
    if (this.dead) setTimeout(() => made.onclose?.(new CloseEvent('close', { code: 1006 })), 50);
    else if (path.includes('/live.mp4')) this.pour(made, path);
    else this.live(made);
    return made;
  }

  private live(made: FakeSocket): void {
    const { world } = this;
    const say = (message: LiveMessage): void => made.onmessage?.(new MessageEvent('message', { data: JSON.stringify(message) }));
    const hello = (): void => {
      const incidents = [...world.incidents.values()].map((incident) => ({ ...incident, acts: null }));
      say({ hello: { site: SITE, head: world.seq, snapshot: { alerts: [...world.alerts.values()], incidents, devices: [...world.states.values()], samples: {} } } });
      say({ ping: { at: new Date().toISOString(), head: world.seq } });
      world.listeners.add(say);
    };
    setTimeout(hello, 80);
    made.close = () => world.listeners.delete(say);
    this.sockets.add(made);
  }

  /** The slower way: what the browser's own recorder makes of a scene. */
  private pour(made: FakeSocket, path: string): void {
    const camera = path.split('/')[4] ?? '';
    const mime = 'video/webm; codecs="vp8"';
    const recorder = new MediaRecorder(sceneOf(camera, this.label(camera), false).stream, { mimeType: mime });
    recorder.ondataavailable = (ev) => void ev.data.arrayBuffer().then((data) => made.onmessage?.(new MessageEvent('message', { data })));
    made.close = () => {
      if (recorder.state !== 'inactive') recorder.stop();
    };
    setTimeout(() => {
      made.onmessage?.(new MessageEvent('message', { data: JSON.stringify({ mime, reason: 'B-frame pada aliran ini' }) }));
      recorder.start(250);
    }, 50);
  }

  private setup(method: string, body: Body): Response {
    if (method === 'GET') return json({ enrolled: this.enrolled, site: SITE });
    if (body['code'] !== 'SIAGA-1234') return problem(422, 'bad_field', { errors: [{ location: 'body.code', message: 'wrong code' }] });
    this.enrolled = true;
    this.world.become('administrator');
    return json({}, 201);
  }

  private session(method: string, body: Body): Response {
    const { world } = this;
    if (method === 'DELETE') {
      sessionStorage.removeItem('peran');
      return new Response(null, { status: 204 });
    }
    if (method === 'POST') {
      const who = world.people.find((person) => person.login === body['name'] && !person.disabled);
      if (who === undefined || body['password'] === 'salah') return problem(401, 'bad_credentials', { retry_after_ms: 2000 });
      if (who.role === 'chair' && !body['code']) return problem(401, 'code_needed');
      world.me = who;
      this.signedIn = true;
    } else if (!this.signedIn) return problem(401, 'signed_out');
    const { id, login, name, role } = world.me;
    return json({ person: { id, login, name, role }, rights: Object.keys(scopesOf(role)), scopes: scopesOf(role), site: SITE, expires_at: new Date(Date.now() + 43_200_000).toISOString() }, method === 'POST' ? 201 : 200);
  }

  private async devices(method: string, parts: string[], body: Body, query: URLSearchParams): Promise<Response> {
    const { world } = this;
    const [, id = '', verb = ''] = parts;
    if (id === 'hints') return json({ items: HINTS });
    if (id === 'suggest') return this.suggest(query.get('zone') ?? '');
    if (id === 'probe') return this.probe(body);
    if (id === '' && method === 'POST') return this.add(body as unknown as DeviceDraft);
    if (id === '') return json({ items: [...world.devices.values()], next: '' });
    const device = world.devices.get(id);
    if (device === undefined) return problem(404, 'not_found');
    if (verb === 'credential') return json({ user: id, password: 'kR7-vhq2-Zp9x-tWm4', topics: [`${device.driver}/#`] });
    if (verb === 'enable' || verb === 'disable') return this.change({ ...device, enabled: verb === 'enable' }, `device.${verb}d`);
    if (method === 'PATCH') return this.change({ ...device, ...(body as Partial<Device>) }, 'device.changed');
    if (method === 'DELETE') {
      world.devices.delete(id);
      world.emit('device.removed', {}, id, device.zone);
      return new Response(null, { status: 204 });
    }
    return json({ ...device, state: world.states.get(id) });
  }

  private suggest(zone: string): Response {
    const code = this.world.zones.find((one) => one.id === zone)?.code ?? 'X';
    const taken = new Set([...this.world.devices.values()].map((device) => device.name));
    let n = 1;
    while (taken.has(`MJN-${code}-${String(n).padStart(2, '0')}`)) n++;
    const name = `MJN-${code}-${String(n).padStart(2, '0')}`;
    return json({ name, id: name.toLowerCase() });
  }

  private change(device: Device, kind: string): Response {
    this.world.devices.set(device.id, device);
    this.world.setState({ device: device.id, status: device.enabled ? 'online' : 'disabled', last_seen: new Date().toISOString(), streams: [] });
    this.world.emit(kind, {}, device.id, device.zone);
    return json(device);
  }

  private add(draft: DeviceDraft): Response {
    if (this.world.devices.has(draft.id)) return problem(409, 'conflict', { detail: draft.id });
    const { secrets, reason: _reason, ...rest } = draft;
    return this.change({ ...rest, enabled: true, has_secrets: Object.keys(secrets ?? {}), created_at: new Date().toISOString() }, 'device.registered');
  }

  private async probe(body: Body): Promise<Response> {
    await new Promise((resolve) => setTimeout(resolve, 900));
    const url = body.config?.url ?? '';
    const wrong = /unreachable|\.9$|\.9\//.test(url) ? 'unreachable' : /Streaming|realmonitor|video1|Channels/.test(url) || body['device'] ? '' : 'not_found';
    if (wrong !== '') return json({ ok: false, reason: wrong, detail: `opening ${url}: ${wrong}`, hint: 'see the manual' });
    return json({
      ok: true,
      streams: [{ name: 'main', codec: 'h264', width: 2560, height: 1440, fps: 25, audio: 'aac' }, { name: 'sub', codec: 'h264', width: 640, height: 360, fps: 15 }],
      notes: [],
      device: { vendor: 'Hikvision', model: 'DS-2CD2143' },
      picture: still(url),
    });
  }

  private accept(id: string): Response {
    const incident = this.world.incidents.get(id);
    if (incident === undefined) return problem(404, 'not_found');
    const first = this.world.people.find((person) => person.id === incident.acknowledged_by);
    if (first !== undefined && first.id !== this.world.me.id) return problem(409, 'taken', { by: first.id, by_name: first.name, at: incident.acknowledged_at });
    return json(this.world.act(incident, 'acknowledged', { state: 'acknowledged', acknowledged_by: this.world.me.id, acknowledged_at: new Date().toISOString() }));
  }

  private incidents(method: string, parts: string[], body: Body, query: URLSearchParams): Response {
    const { world } = this;
    const [, id = '', verb = ''] = parts;
    if (id === '') return json({ items: this.filtered(query).map((incident) => ({ ...incident, acts: null, alerts: incident.alerts })), next: '' });
    const incident = world.incidents.get(id);
    if (incident === undefined) return problem(404, 'not_found');
    if (method === 'GET') return json(world.full(incident));
    const now = new Date().toISOString();
    const said = body as unknown as Partial<Act>;
    switch (verb) {
      case 'acknowledge':
        return this.accept(id);
      case 'respond':
        return json(world.act(incident, 'responded', { state: 'handling' }, said));
      case 'escalate':
        return json(world.act(incident, 'escalated', { state: 'escalated' }, said));
      case 'note':
        return json(world.act(incident, 'noted', {}, said));
      case 'resolve':
        if (incident.priority === 'critical' && (!body['cause'] || !body['action'])) return problem(422, 'bad_field');
        return json(world.act(incident, 'resolved', { state: 'resolved', resolved_at: now, cause: body['cause'] ?? '', action: body['action'] ?? '' }, said));
      case 'close':
        if ((incident.acts ?? []).some((act) => act.kind === 'resolved' && act.by === world.me.id)) return problem(403, 'second_person');
        return json(world.act(incident, 'closed', { state: 'closed', closed_at: now }, said));
      case 'reopen':
        return json(world.act(incident, 'reopened', { state: 'handling' }, said));
      default:
        return json(world.act(incident, verb.replace('-', '_'), { state: verb.replace('-', '_') as Incident['state'] }, said));
    }
  }

  private filtered(query: URLSearchParams): Incident[] {
    const has = (key: string, value: string): boolean => query.getAll(key).length === 0 || query.getAll(key).includes(value);
    const since = query.get('since') ?? '';
    const until = query.get('until') ?? '\uffff';
    return [...this.world.incidents.values()]
      .filter((one) => (has('state', one.state) || (has('state', 'open') && ['new', 'acknowledged', 'handling', 'escalated'].includes(one.state))) && has('priority', one.priority) && has('category', one.category) && has('zone', one.zone) && one.opened_at >= since && one.opened_at < until)
      .sort((a, b) => b.opened_at.localeCompare(a.opened_at));
  }

  private async cameras(method: string, parts: string[], offer: string): Promise<Response> {
    const [, camera = '', what = '', session = ''] = parts;
    if (what === 'gaps' || what === 'segments') return json({ items: [] });
    if (what !== 'whep') return problem(404, 'not_found');
    if (method === 'DELETE') {
      this.calls.get(session)?.close();
      this.calls.delete(session);
      return new Response(null, { status: 204 });
    }
    if (camera === OFFLINE) return problem(409, 'no_frames');
    if (camera === FALLBACK) return problem(409, 'needs_fmp4', { detail: 'B-frame pada aliran ini' });
    const call = await answer(offer, sceneOf(camera, this.label(camera), camera === FROZEN));
    const id = this.world.id('w');
    this.calls.set(id, call);
    return new Response(call.sdp, { status: 201, headers: { Location: `/api/v1/cameras/${camera}/whep/${id}`, 'Content-Type': 'application/sdp' } });
  }

  private people(method: string, parts: string[], body: Body): Response {
    const { people } = this.world;
    const [, id = '', verb = ''] = parts;
    if (verb === 'password') return json({ password: body['password'] });
    if (id === 'names') return json({ items: people.map((person) => ({ id: person.id, name: person.name })), next: '' });
    if (id === '' && method === 'GET') return json({ items: people, next: '' });
    if (id === '') {
      const made = { id: this.world.id('p'), login: body['login'] ?? '', name: body['name'] ?? '', role: (body['role'] ?? 'guard') as Role };
      people.push(made);
      return json(made, 201);
    }
    const at = people.findIndex((person) => person.id === id);
    const person = people[at];
    if (person === undefined) return problem(404, 'not_found');
    people[at] = { ...person, ...(body as object) };
    return json(people[at]);
  }

  private label(camera: string): string {
    return this.world.devices.get(camera)?.name ?? camera;
  }
}
