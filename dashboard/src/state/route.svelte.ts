// The address bar is a store: which view, which thing, which filters. Links and the back button just work.

export type Route =
  | { view: 'console' }
  | { view: 'wall' }
  | { view: 'incidents' }
  | { view: 'incident'; id: string }
  | { view: 'print'; id: string }
  | { view: 'footage' }
  | { view: 'devices' }
  | { view: 'device'; id: string }
  | { view: 'add-camera' }
  | { view: 'zones' }
  | { view: 'plan'; id: string }
  | { view: 'import' }
  | { view: 'add-gateway' }
  | { view: 'settings' }
  | { view: 'people' }
  | { view: 'account' }
  | { view: 'style' }
  | { view: 'nowhere' };

export const PATHS = {
  console: '/',
  wall: '/wall',
  incidents: '/kejadian',
  incident: (id: string): string => `/kejadian/${encodeURIComponent(id)}`,
  print: (id: string): string => `/kejadian/${encodeURIComponent(id)}/cetak`,
  footage: '/rekaman',
  devices: '/perangkat',
  device: (id: string): string => `/perangkat/${encodeURIComponent(id)}`,
  addCamera: '/perangkat/tambah',
  addGateway: '/perangkat/tambah-gateway',
  importing: '/perangkat/impor',
  zones: '/zona',
  plan: (zone: string): string => `/zona/${encodeURIComponent(zone)}`,
  settings: '/pengaturan',
  people: '/orang',
  account: '/akun',
} as const;

export function parseRoute(path: string): Route {
  const [room = '', thing, deed] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  switch (room) {
    case '':
      return { view: 'console' };
    case 'wall':
      return { view: 'wall' };
    case 'kejadian':
      if (thing === undefined) return { view: 'incidents' };
      return { view: deed === 'cetak' ? 'print' : 'incident', id: thing };
    case 'rekaman':
      return { view: 'footage' };
    case 'perangkat':
      if (thing === 'tambah') return { view: 'add-camera' };
      if (thing === 'tambah-gateway') return { view: 'add-gateway' };
      if (thing === 'impor') return { view: 'import' };
      return thing === undefined ? { view: 'devices' } : { view: 'device', id: thing };
    case 'zona':
      return thing === undefined ? { view: 'zones' } : { view: 'plan', id: thing };
    case 'pengaturan':
      return { view: 'settings' };
    case 'orang':
      return { view: 'people' };
    case 'akun':
      return { view: 'account' };
    case 'gaya':
      return { view: 'style' };
    default:
      return { view: 'nowhere' };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

class Router {
  path = $state(location.pathname);
  search = $state(location.search);
  readonly route = $derived(parseRoute(this.path));
  readonly query = $derived(new URLSearchParams(this.search));

  /** Set by a page with unsaved work: it holds the person back, and calls `on` once they have decided to go. */
  hold: ((on: () => void) => boolean) | null = null;

  constructor() {
    window.addEventListener('popstate', () => {
      const to = location.pathname + location.search;
      const from = this.path + this.search;
      if (location.pathname !== this.path && this.hold?.(() => this.go(to))) history.pushState(null, '', from);
      else this.read();
    });
    window.addEventListener('beforeunload', (ev) => {
      if (this.hold?.(() => undefined)) ev.preventDefault();
    });
  }

  go(to: string): void {
    if (this.hold?.(() => this.go(to))) return;
    history.pushState(null, '', to);
    this.read();
    window.scrollTo(0, 0);
  }

  /** Changes the filters in the address, so that the way back is the filters before; typing does not fill the history. */
  filter(values: Record<string, string>, typing = false): void {
    const next = new URLSearchParams(this.search);
    for (const [key, value] of Object.entries(values)) {
      if (value === '') next.delete(key);
      else next.set(key, value);
    }
    const text = next.toString();
    const to = this.path + (text === '' ? '' : `?${text}`);
    if (typing || to === this.path + this.search) history.replaceState(null, '', to);
    else history.pushState(null, '', to);
    this.read();
  }

  private read(): void {
    this.path = location.pathname;
    this.search = location.search;
  }
}

export const router = new Router();

/** Lets a plain link inside the page change the view without loading the page again. */
export function followLinks(root: HTMLElement): () => void {
  const follow = (ev: MouseEvent): void => {
    if (ev.defaultPrevented || ev.button !== 0 || ev.ctrlKey || ev.metaKey || ev.shiftKey || ev.altKey) return;
    const link = (ev.target as Element).closest('a');
    if (link === null || link.target !== '' || link.origin !== location.origin || link.hasAttribute('download')) return;
    if (link.pathname.startsWith('/api/')) return;
    ev.preventDefault();
    router.go(link.pathname + link.search);
  };
  root.addEventListener('click', follow);
  return () => root.removeEventListener('click', follow);
}
