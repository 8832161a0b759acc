import { newestEvents } from '../data/events';
import { listIncidents } from '../data/incidents';
import type { Event, Incident, Priority } from '../wire';

const BACK_MS = 12 * 3_600_000;
const PAGES = 4;

/** What the last twelve hours were like: what the one who goes tells the one who comes. */
class Handover {
  incidents = $state.raw<readonly Incident[]>([]);
  /** Times without anybody at the console, and mutes. */
  console = $state.raw<readonly Event[]>([]);
  since = $state('');
  loaded = $state(false);
  failed = $state<unknown>(null);

  readonly counts: Record<Priority, number> = $derived.by(() => {
    const counts = { critical: 0, important: 0, caution: 0, info: 0 };
    for (const incident of this.incidents) counts[incident.priority]++;
    return counts;
  });
  /** Over, but a second person has still to look at it. */
  readonly toClose = $derived(this.incidents.filter((incident) => incident.state === 'resolved'));
  readonly unattended = $derived(this.console.filter((event) => event.kind === 'console.unattended').length);
  readonly mutes = $derived(this.console.filter((event) => event.kind === 'console.muted').length);

  async load(now: number): Promise<void> {
    const since = new Date(now - BACK_MS).toISOString();
    try {
      const [incidents, console] = await Promise.all([this.all(since), newestEvents({ kind: ['console.unattended', 'console.muted'], since, limit: '200' })]);
      this.incidents = incidents;
      this.console = console;
      this.since = since;
      this.failed = null;
    } catch (err) {
      this.failed = err;
    }
    this.loaded = true;
  }

  private async all(since: string): Promise<Incident[]> {
    const all: Incident[] = [];
    let after = '';
    for (let page = 0; page < PAGES; page++) {
      const list = await listIncidents({ since, limit: '500', after });
      all.push(...(list.items ?? []));
      after = list.next ?? '';
      if (after === '') break;
    }
    return all;
  }
}

export const handover = new Handover();
