import { SvelteMap } from 'svelte/reactivity';
import type { Incident } from '../wire';

/** Events carry opaque ids of people, never names. What the site once told us of a name is kept here. */
class Names {
  private readonly known = new SvelteMap<string, string>();

  learn(id: string | null | undefined, name: string | null | undefined): void {
    if (id && name && this.known.get(id) !== name) this.known.set(id, name);
  }

  learnFrom(incident: Incident): void {
    this.learn(incident.acknowledged_by, incident.acknowledged_by_name);
    for (const act of incident.acts ?? []) this.learn(act.by, act.by_name);
  }

  has(id: string): boolean {
    return this.known.has(id);
  }

  of(id: string | null | undefined): string {
    return id ? (this.known.get(id) ?? id) : '';
  }
}

export const names = new Names();
