import { newestEvents } from '../data/events';
import type { Event } from '../wire';
import { devices } from './devices.svelte';

/** One line of the radio log: a call from its start on, a text, or the panic key. */
export interface RadioLine {
  id: string;
  seq: number;
  kind: string;
  at: string;
  /** The radio; the gateway when nobody registered it. */
  device: string;
  /** What the radio calls itself. */
  said: string;
  talkgroup: string;
  slot: number;
  seconds: number | null;
  text: string;
  /** On the air right now. */
  live: boolean;
}

interface Body {
  src_id?: string | number;
  src_info?: string;
  dst_id?: string | number;
  talkgroup?: string | number;
  slot?: number;
  duration_s?: number;
  text?: string;
  csbk_desc?: string;
  call?: string;
}

const KEPT = 120;
/** What ends a call that was begun. */
const ENDS = new Set(['radio.call_ended', 'radio.call_lost', 'radio.call_timeout']);
const KINDS = ['radio.call_started', ...ENDS, 'radio.text', 'radio.emergency', 'radio.csbk', 'radio.call_rejected', 'radio.unregistered', 'radio.page', 'radio.data'];
/** A call whose end never came is not shown as on the air for longer than this. */
const LONGEST_CALL_MS = 180_000;

/** Who spoke when over the radios, newest first. */
class RadioLog {
  lines = $state.raw<readonly RadioLine[]>([]);
  loaded = $state(false);
  failed = $state<unknown>(null);

  async load(): Promise<void> {
    try {
      const events = await newestEvents({ kind: KINDS, limit: '200' });
      this.lines = [];
      for (const event of events.reverse()) this.hear(event);
      this.failed = null;
    } catch (err) {
      this.failed = err;
    }
    this.loaded = true;
  }

  hear(event: Event): void {
    if (!KINDS.includes(event.kind)) return;
    const body = (event.body ?? {}) as Body;
    const call = body.call ?? event.subject ?? '';
    const begun = call === '' ? undefined : this.lines.find((line) => line.id === call);
    if (begun !== undefined && (ENDS.has(event.kind) || event.kind === 'radio.text')) {
      const seconds = body.duration_s ?? begun.seconds;
      const ended: RadioLine = { ...begun, kind: event.kind === 'radio.text' ? begun.kind : event.kind, seconds, live: begun.live && event.kind === 'radio.text', text: body.text ?? begun.text };
      this.lines = this.lines.map((line) => (line === begun ? ended : line));
      return;
    }
    const line: RadioLine = {
      id: call === '' ? String(event.seq) : call,
      seq: event.seq,
      kind: event.kind,
      at: event.at,
      device: event.device ?? '',
      said: body.src_info ?? (body.src_id === undefined ? '' : String(body.src_id)),
      talkgroup: String(body.talkgroup ?? body.dst_id ?? ''),
      slot: body.slot ?? 0,
      seconds: body.duration_s ?? null,
      text: body.text ?? '',
      live: event.kind === 'radio.call_started',
    };
    this.lines = [line, ...this.lines.filter((one) => one.id !== line.id)].slice(0, KEPT);
  }

  /** Whether a call is still on the air at a moment of the site. */
  onAir(line: RadioLine, now: number): boolean {
    return line.live && now - Date.parse(line.at) < LONGEST_CALL_MS;
  }

  /** What was said besides the radio's own name, which radios send with each call. */
  message(line: RadioLine): string {
    const device = devices.all.get(line.device);
    const text = plain(line.text);
    return [line.said, device?.alias, device?.name].some((name) => plain(name) === text) ? '' : line.text;
  }
}

const plain = (text: string | undefined): string => (text ?? '').toLowerCase().replace(/[^a-z0-9]/g, '');

export const radio = new RadioLog();
