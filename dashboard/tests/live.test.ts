import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Live, type LiveSink } from '../src/data/live';
import { useSeam, type Socket } from '../src/data/seam';
import type { Event } from '../src/wire';

const SITE = { id: 's', name: 'S', zone_name: 'WITA', timezone: 'Asia/Makassar' };

class FakeSocket implements Socket {
  binaryType: BinaryType = 'blob';
  onopen = null;
  onmessage: ((ev: MessageEvent) => void) | null = null;
  onclose: ((ev: CloseEvent) => void) | null = null;
  closed = false;
  constructor(readonly path: string) {}
  close(): void {
    this.closed = true;
  }
  say(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) } as MessageEvent);
  }
  hello(head: number, snapshot: object | null = {}): void {
    this.say({ hello: { at: '2026-11-22T14:15:08.000Z', site: SITE, head, ...(snapshot ? { snapshot } : {}) } });
  }
  event(seq: number): void {
    this.say({ seq, kind: 'radio.call', at: '2026-11-22T14:15:08.123Z', device: 'd', zone: 'z', body: {} });
  }
  cut(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }
}

let sockets: FakeSocket[] = [];
const newest = (): FakeSocket => {
  const last = sockets[sockets.length - 1];
  if (last === undefined) throw new Error('no socket was opened');
  return last;
};

function listen(): { live: Live; seqs: number[]; snapshots: number; links: boolean[]; times: string[]; out: number } {
  const heard = { seqs: [] as number[], snapshots: 0, links: [] as boolean[], times: [] as string[], out: 0 };
  const sink: LiveSink = {
    site: () => undefined,
    snapshot: () => heard.snapshots++,
    event: (event: Event) => heard.seqs.push(event.seq),
    device: () => undefined,
    sample: () => undefined,
    contact: (at) => at !== undefined && heard.times.push(at),
    link: (up) => heard.links.push(up),
    signedOut: () => heard.out++,
  };
  const live = new Live(sink);
  live.start();
  return Object.assign(heard, { live });
}

beforeEach(() => {
  vi.useFakeTimers();
  sockets = [];
  useSeam({
    fetch: () => Promise.reject(new Error('not here')),
    socket: (path) => {
      const made = new FakeSocket(path);
      sockets.push(made);
      return made;
    },
  });
});
afterEach(() => vi.useRealTimers());

describe('the live channel', () => {
  it('begins with a snapshot and hands events over in order', () => {
    const heard = listen();
    expect(newest().path).toBe('/api/v1/live');
    newest().hello(10);
    expect(heard.times).toEqual(['2026-11-22T14:15:08.000Z']); // known before the first age is shown
    newest().event(11);
    newest().event(12);
    expect(heard.snapshots).toBe(1);
    expect(heard.seqs).toEqual([11, 12]);
  });

  it('comes back with its last sequence and misses nothing', () => {
    const heard = listen();
    newest().hello(10);
    newest().event(11);
    newest().cut();
    vi.advanceTimersByTime(1_000);
    expect(newest().path).toBe('/api/v1/live?after=11');
    newest().hello(14, null);
    [12, 13, 14].forEach((seq) => newest().event(seq));
    expect(heard.seqs).toEqual([11, 12, 13, 14]);
    expect(heard.snapshots).toBe(1);
    expect(heard.links).toEqual([true, false, true]);
  });

  it('drops what it had already', () => {
    const heard = listen();
    newest().hello(10);
    [11, 11, 10, 12].forEach((seq) => newest().event(seq));
    expect(heard.seqs).toEqual([11, 12]);
  });

  it('counts what it may not see', () => {
    const heard = listen();
    newest().hello(10);
    newest().say({ seq: 11, through: 40, withheld: true });
    newest().event(41);
    expect(heard.seqs).toEqual([41]);
    expect(heard.live.resyncs).toBe(0);
  });

  it('starts over from a snapshot when a sequence is missing', () => {
    const heard = listen();
    newest().hello(10);
    newest().event(11);
    newest().event(13);
    expect(heard.seqs).toEqual([11]);
    expect(heard.live.resyncs).toBe(1);
    vi.advanceTimersByTime(1_000);
    expect(newest().path).toBe('/api/v1/live');
    newest().hello(13);
    newest().event(14);
    expect(heard.snapshots).toBe(2);
    expect(heard.seqs).toEqual([11, 14]);
  });

  it('takes a snapshot in place of what is too long ago', () => {
    const heard = listen();
    newest().hello(10);
    newest().cut();
    vi.advanceTimersByTime(1_000);
    newest().hello(20_000, { alerts: [] });
    newest().event(20_001);
    expect(heard.snapshots).toBe(2);
    expect(heard.seqs).toEqual([20_001]);
  });

  it('does not trust a silent line', () => {
    listen();
    newest().hello(10);
    vi.advanceTimersByTime(12_500);
    expect(sockets[0]?.closed).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(newest().path).toBe('/api/v1/live?after=10');
  });

  it('stays on a line that pings', () => {
    listen();
    newest().hello(10);
    for (let i = 0; i < 6; i++) {
      vi.advanceTimersByTime(5_000);
      newest().say({ ping: { at: '2026-11-22T14:15:08.123Z', head: 10 } });
    }
    expect(sockets).toHaveLength(1);
  });

  it('asks again when the head passed it by a ping ago', () => {
    listen();
    newest().hello(10);
    newest().say({ ping: { at: '2026-11-22T14:15:08.123Z', head: 12 } });
    newest().say({ ping: { at: '2026-11-22T14:15:13.123Z', head: 12 } });
    vi.advanceTimersByTime(1_000);
    expect(newest().path).toBe('/api/v1/live?after=10');
    expect(sockets).toHaveLength(2);
  });

  it('says that the session ended, and does not hammer the site', () => {
    const heard = listen();
    newest().hello(10);
    newest().cut(4001);
    vi.advanceTimersByTime(60_000);
    expect(heard.out).toBe(1);
    expect(sockets).toHaveLength(1);
    heard.live.start();
    expect(newest().path).toBe('/api/v1/live?after=10');
  });

  it('runs once, however often it is started', () => {
    const heard = listen();
    heard.live.start();
    newest().hello(10);
    heard.live.start();
    expect(sockets).toHaveLength(1);
  });

  it('never gives up, and waits at most a few seconds between tries', () => {
    listen();
    for (let i = 0; i < 20; i++) {
      newest().cut();
      vi.advanceTimersByTime(6_500);
    }
    expect(sockets.length).toBe(21);
  });

  it('starts over after a message it cannot read', () => {
    const heard = listen();
    newest().hello(10);
    newest().onmessage?.({ data: '{"seq":' } as MessageEvent);
    vi.advanceTimersByTime(1_000);
    expect(newest().path).toBe('/api/v1/live');
    expect(heard.live.resyncs).toBe(1);
  });
});
