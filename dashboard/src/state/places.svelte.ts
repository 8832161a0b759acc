import { SvelteMap } from 'svelte/reactivity';
import { listZones } from '../data/places';
import type { Zone } from '../wire';

class Places {
  readonly zones = new SvelteMap<string, Zone>();
  loaded = $state(false);
  failed = $state<unknown>(null);

  async load(): Promise<void> {
    try {
      const zones = await listZones();
      this.zones.clear();
      for (const zone of zones) this.zones.set(zone.id, zone);
      this.failed = null;
      this.loaded = true;
    } catch (err) {
      this.failed = err;
    }
  }

  name(id: string): string {
    return this.zones.get(id)?.name ?? id;
  }

  /** Whether two zones are the same or one lies in the other. */
  related(a: string, b: string): boolean {
    return this.within(a, b) || this.within(b, a);
  }

  /** Whether a zone is `outer` or lies in it. */
  within(inner: string, outer: string): boolean {
    const seen = new Set<string>();
    for (let at = inner; at !== '' && !seen.has(at); at = this.zones.get(at)?.parent ?? '') {
      if (at === outer) return true;
      seen.add(at);
    }
    return false;
  }

  /** All zones, children after their parents, with their depth. */
  readonly tree = $derived.by(() => {
    const children = new Map<string, Zone[]>();
    for (const zone of this.zones.values()) {
      const parent = zone.parent !== undefined && this.zones.has(zone.parent) ? zone.parent : '';
      children.set(parent, [...(children.get(parent) ?? []), zone]);
    }
    const rows: { zone: Zone; depth: number }[] = [];
    const walk = (parent: string, depth: number): void => {
      const below = children.get(parent) ?? [];
      below.sort((a, b) => a.name.localeCompare(b.name, 'id'));
      for (const zone of below) {
        if (zone.id === parent) continue;
        rows.push({ zone, depth });
        walk(zone.id, depth + 1);
      }
    };
    walk('', 0);
    return rows;
  });
}

export const places = new Places();
