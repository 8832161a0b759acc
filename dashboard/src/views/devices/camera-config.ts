import type { Config, Device } from '../../data';

/** A camera as the wizard's boxes hold it. */
export interface CameraForm {
  address: string;
  pathMain: string;
  pathSub: string;
  user: string;
  password: string;
  transport: 'auto' | 'tcp' | 'udp';
}

export const EMPTY: CameraForm = { address: '', pathMain: '', pathSub: '', user: '', password: '', transport: 'auto' };

const FULL = /^rtsps?:\/\//i;

/** The RTSP address of a path on the camera; an address typed in full is taken as it is. */
export function streamUrl(address: string, path: string): string {
  const typed = address.trim();
  if (FULL.test(typed)) {
    if (path.trim() === '') return typed;
    try {
      const base = new URL(typed.replace(/^rtsp/i, 'http'));
      return `${/^rtsps/i.test(typed) ? 'rtsps' : 'rtsp'}://${base.host}${withSlash(path.trim())}`;
    } catch {
      return typed;
    }
  }
  return `rtsp://${typed}${withSlash(path.trim())}`;
}

const withSlash = (path: string): string => (path === '' || path.startsWith('/') ? path : `/${path}`);

/** Whether a user was typed into the address, where the site refuses it. */
export function hasUser(address: string): boolean {
  return (address.replace(FULL, '').split('/', 1)[0] ?? '').includes('@');
}

export function toConfig(form: CameraForm): Config {
  const config: Config = { url: streamUrl(form.address, form.pathMain) };
  if (form.pathSub.trim() !== '') config['sub_url'] = FULL.test(form.pathSub.trim()) ? form.pathSub.trim() : streamUrl(form.address, form.pathSub);
  if (form.transport !== 'auto') config['transport'] = form.transport;
  if (form.user.trim() !== '') config['username'] = form.user.trim();
  return config;
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

export function fromDevice(device: Device): CameraForm {
  const config = device.config ?? {};
  const transport = text(config['transport']);
  return {
    address: text(config['url']),
    pathMain: '',
    pathSub: text(config['sub_url']),
    user: text(config['username']),
    password: '',
    transport: transport === 'tcp' || transport === 'udp' ? transport : 'auto',
  };
}

/** Host and port of an address, to find the same camera twice. */
export function hostOf(address: string): string {
  try {
    return new URL(streamUrl(address, '').replace(/^rtsps?/i, 'http')).host.toLowerCase();
  } catch {
    return '';
  }
}

/** The paths of a config, as the boxes take them. */
export function fromConfig(config: Config): { main: string; sub: string } {
  const path = (address: string): string => address.replace(/^rtsps?:\/\/[^/]*/i, '');
  return { main: path(text(config['url'])), sub: path(text(config['sub_url'])) };
}
