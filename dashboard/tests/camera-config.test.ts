import { describe, expect, it } from 'vitest';
import { EMPTY, fromDevice, hasUser, hostOf, streamUrl, toConfig } from '../src/views/devices/camera-config';
import { slug } from '../src/views/devices/trouble';

describe('a camera typed by a technician', () => {
  it('needs only an address and a path', () => {
    expect(toConfig({ ...EMPTY, address: ' 192.168.1.64 ', pathMain: '/Streaming/Channels/101', pathSub: 'Streaming/Channels/102', user: 'admin', password: 'p@ss/word' })).toEqual({
      url: 'rtsp://192.168.1.64/Streaming/Channels/101',
      sub_url: 'rtsp://192.168.1.64/Streaming/Channels/102',
      username: 'admin',
    });
  });

  it('may be a whole address', () => {
    expect(toConfig({ ...EMPTY, address: 'rtsp://127.0.0.1:8554/cam1' })).toEqual({ url: 'rtsp://127.0.0.1:8554/cam1' });
    expect(toConfig({ ...EMPTY, address: 'rtsps://cam.local:322/a', pathSub: '/b', transport: 'tcp' })).toEqual({ url: 'rtsps://cam.local:322/a', sub_url: 'rtsps://cam.local:322/b', transport: 'tcp' });
    expect(streamUrl('10.0.0.9:8554', '')).toBe('rtsp://10.0.0.9:8554');
  });

  it('keeps the password out of the address', () => {
    expect(hasUser('rtsp://admin:x@10.0.0.9/a')).toBe(true);
    expect(hasUser('admin@10.0.0.9')).toBe(true);
    expect(hasUser('rtsp://10.0.0.9/a@b')).toBe(false);
  });

  it('is known again by its host', () => {
    expect(hostOf('rtsp://10.0.0.9:554/a')).toBe('10.0.0.9:554');
    expect(hostOf('10.0.0.9')).toBe('10.0.0.9');
    expect(hostOf('%%%')).toBe('');
  });

  it('comes back from the registry as it was typed', () => {
    const config = { url: 'rtsp://10.0.0.9/a', sub_url: 'rtsp://10.0.0.9/b', username: 'u', transport: 'udp' };
    const form = fromDevice({ id: 'c', driver: 'rtsp', name: 'C', zone: 'z', enabled: true, config });
    expect(toConfig(form)).toEqual(config);
    expect(form.password).toBe('');
  });
});

describe('an id out of a name', () => {
  it.each([
    ['MJN-GDB-03', 'mjn-gdb-03'],
    ['Gerbang Utama (baru)', 'gerbang-utama-baru'],
    ['  Été 1 ', 'ete-1'],
  ])('%s is %s', (name, id) => {
    expect(slug(name)).toBe(id);
  });

  it('is never empty and never too long', () => {
    expect(slug('監視')).toMatch(/^kamera-/);
    expect(slug('x'.repeat(200))).toHaveLength(63);
  });
});
