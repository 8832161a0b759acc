import { SvelteMap } from 'svelte/reactivity';
import { listNames } from '../data/people';
import type { Incident } from '../wire';

/** Events carry opaque ids of people, never names; the site tells the names apart from them. */
class Names {
  private readonly known = new SvelteMap<string, string>();
  /** Everybody known, by name. */
  readonly all = $derived([...this.known].map(([id, name]) => ({ id, name })).sort((a, b) => a.name.localeCompare(b.name, 'id')));
  /** Ids that were asked for in vain: not asked again until the page is loaded anew. */
  private readonly vain = new Set<string>();
  private asking: Promise<void> | null = null;

  async load(): Promise<void> {
    for (const { id, name } of await listNames()) this.learn(id, name);
  }

  learn(id: string | null | undefined, name: string | null | undefined): void {
    if (id && name && this.known.get(id) !== name) this.known.set(id, name);
  }

  learnFrom(incident: Incident): void {
    for (const act of incident.acts ?? []) this.learn(act.by, act.by_name);
    this.want(incident.acknowledged_by);
  }

  of(id: string | null | undefined): string {
    return id ? (this.known.get(id) ?? id) : '';
  }

  private want(id: string | null | undefined): void {
    if (!id || this.known.has(id) || this.vain.has(id) || this.asking !== null) return;
    this.asking = this.load()
      .catch(() => undefined)
      .then(() => {
        if (!this.known.has(id)) this.vain.add(id);
        this.asking = null;
      });
  }
}

export const names = new Names();
