import type { DeviceState, Event, LiveMessage, Site, Snapshot } from '../wire';
import { BASE } from './http';
import { seam, type Socket } from './seam';

/** The site says a session ended with this code; any other close is a broken link. */
const SESSION_ENDED = 4001;
/** The site pings every 5 s. Silence for longer than this is a dead link, whatever the socket says. */
const SILENCE_MS = 12_000;
const FIRST_WAIT_MS = 300;
const LONGEST_WAIT_MS = 5_000;

export interface LiveSink {
  /** Each time the channel opens: the site as it is now. */
  site(site: Site): void;
  /** A fresh start: everything known before is replaced. */
  snapshot(site: Site, snapshot: Snapshot): void;
  event(event: Event): void;
  device(state: DeviceState): void;
  sample(device: string, kind: string, at: string, body: unknown): void;
  /** Bytes came: the site is there. `siteTime` is its clock, when the message told it. */
  contact(siteTime?: string): void;
  link(up: boolean): void;
  signedOut(): void;
}

/**
 * One live channel that never gives up. It keeps the last sequence, asks for what it missed after every break,
 * and starts over from a snapshot when a gap shows that something is missing.
 */
export class Live {
  private socket: Socket | null = null;
  private last: number | null = null;
  private failures = 0;
  private wake: ReturnType<typeof setTimeout> | null = null;
  private silence: ReturnType<typeof setTimeout> | null = null;
  private headSeen = 0;
  private stopped = false;

  /** How often a gap forced a fresh start; a test reads it. */
  resyncs = 0;

  constructor(private readonly sink: LiveSink) {}

  /** The sequence up to which everything was handed over; null before the first hello. */
  get sequence(): number | null {
    return this.last;
  }

  /** Begins, or goes on after the session had ended; a channel that runs is left alone. */
  start(): void {
    this.stopped = false;
    if (this.socket === null && this.wake === null) this.open();
  }

  stop(): void {
    this.stopped = true;
    if (this.wake !== null) clearTimeout(this.wake);
    this.wake = null;
    this.drop();
  }

  /** Tries at once instead of waiting for the next turn (the network came back, the page woke up). */
  nudge(): void {
    if (this.stopped || this.socket !== null) return;
    if (this.wake !== null) clearTimeout(this.wake);
    this.open();
  }

  private open(): void {
    this.wake = null;
    const after = this.last === null ? '' : `?after=${this.last}`;
    const socket = seam().socket(`${BASE}/live${after}`);
    this.socket = socket;
    this.listenForSilence();
    socket.onmessage = (ev) => {
      if (this.socket !== socket || typeof ev.data !== 'string') return;
      this.listenForSilence();
      this.take(ev.data);
    };
    socket.onclose = (ev) => {
      if (this.socket !== socket) return;
      this.drop();
      if (ev.code === SESSION_ENDED) this.sink.signedOut();
      else this.comeBack();
    };
  }

  private take(text: string): void {
    let message: LiveMessage;
    try {
      message = JSON.parse(text) as LiveMessage;
    } catch {
      this.startOver();
      return;
    }
    if ('hello' in message) this.hello(message.hello);
    else if ('ping' in message) this.ping(message.ping);
    else if ('state' in message) this.sink.device(message.state);
    else if ('sample' in message) {
      const { device, kind, at, body } = message.sample;
      this.sink.sample(device, kind, at, body);
    } else if ('seq' in message) this.sequenced(message);
    if (!('ping' in message)) this.sink.contact();
  }

  private hello(hello: { at?: string; site: Site; head: number; snapshot?: Snapshot | null }): void {
    this.sink.contact(hello.at); // before anything is shown whose age is reckoned by it
    this.failures = 0;
    this.headSeen = 0;
    this.sink.site(hello.site);
    if (hello.snapshot || this.last === null) {
      this.last = hello.head;
      this.sink.snapshot(hello.site, hello.snapshot ?? {});
    }
    this.sink.link(true);
  }

  private ping(ping: { at: string; head: number }): void {
    this.sink.contact(ping.at);
    // What was the head a ping ago must be here by now, unless messages were lost on the way.
    if (this.last !== null && this.headSeen > this.last) this.reopen();
    else this.headSeen = ping.head;
  }

  private sequenced(message: Event | { seq: number; through: number; withheld: true }): void {
    if (this.last === null) return;
    const end = 'withheld' in message ? message.through : message.seq;
    if (end <= this.last) return; // had it already
    if (message.seq > this.last + 1) {
      this.startOver();
      return;
    }
    this.last = end;
    if (!('withheld' in message)) this.sink.event(message);
  }

  /** Something is missing: forget the place and take a fresh snapshot. */
  private startOver(): void {
    this.resyncs++;
    this.last = null;
    this.reopen();
  }

  private reopen(): void {
    this.drop();
    this.comeBack();
  }

  private drop(): void {
    if (this.silence !== null) clearTimeout(this.silence);
    this.silence = null;
    const socket = this.socket;
    this.socket = null;
    if (socket === null) return;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
    this.sink.link(false);
  }

  private comeBack(): void {
    if (this.stopped) return;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** this.failures, LONGEST_WAIT_MS);
    this.failures++;
    this.wake = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2));
  }

  private listenForSilence(): void {
    if (this.silence !== null) clearTimeout(this.silence);
    this.silence = setTimeout(() => this.reopen(), SILENCE_MS);
  }
}
