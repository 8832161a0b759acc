import { SvelteMap } from 'svelte/reactivity';
import { listPlans } from '../data/plans';
import type { Device, FloorPlan, PlanSpot } from '../wire';
import { session } from './session.svelte';

/** The floor plans of the site, by the zone they show. */
class Plans {
  readonly all = new SvelteMap<string, FloorPlan>();
  loaded = $state(false);
  failed = $state<unknown>(null);

  async load(): Promise<void> {
    if (!session.can('devices') && !session.can('zones')) return;
    try {
      const plans = await listPlans();
      this.all.clear();
      for (const plan of plans) this.all.set(plan.zone, plan);
      this.failed = null;
      this.loaded = true;
    } catch (err) {
      this.failed = err;
    }
  }

  /** The plan a place is on. A place that names none is on the site's only one. */
  of(spot: PlanSpot | null | undefined): FloorPlan | undefined {
    if (!spot) return undefined;
    if (spot.floor) return this.all.get(spot.floor);
    return this.all.size === 1 ? [...this.all.values()][0] : undefined;
  }

  /** The devices that stand on a plan. */
  on(plan: FloorPlan, devices: Iterable<Device>): Device[] {
    return [...devices].filter((device) => this.of(device.plan)?.zone === plan.zone);
  }
}

export const plans = new Plans();
