import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { ApiError } from '../data/http';
import { getDevice, listDevices } from '../data/devices';
import type { Device, DeviceState, StreamState } from '../wire';

const CAMERA_DRIVERS = new Set(['rtsp', 'onvif']);
const NEW_FOR_MS = 10 * 60_000;
const GATHER_MS = 150;
const ONE_BY_ONE = 20;
const byName = new Intl.Collator('id', { numeric: true });

export function isCamera(device: Device): boolean {
  return CAMERA_DRIVERS.has(device.driver) || (device.streams ?? []).length > 0;
}

export function streamState(state: DeviceState | undefined, name: string): StreamState | undefined {
  return state?.streams?.find((stream) => stream.name === name);
}

class Devices {
  readonly all = new SvelteMap<string, Device>();
  readonly states = new SvelteMap<string, DeviceState>();
  /** Names that came with an incident, for whoever may not list devices. */
  private readonly told = new SvelteMap<string, string>();
  /** Came while this page was open. */
  readonly fresh = new SvelteSet<string>();
  loaded = $state(false);
  failed = $state<unknown>(null);

  /** All of them, by name. Comparing names is the dear part, so it is done once for every list. */
  readonly sorted = $derived([...this.all.values()].sort((a, b) => byName.compare(a.name, b.name)));
  readonly cameras = $derived(this.sorted.filter(isCamera));

  /** Waiting to be asked for, and whether the asking is under way. */
  private asked = new Set<string>();
  private asking = false;
  /** Told, and not shown yet. */
  private news = new Map<string, DeviceState>();
  private showing: ReturnType<typeof setTimeout> | null = null;
  /** The site does not list these; a state of one is no reason to ask again. */
  private unknown = new Set<string>();

  async load(): Promise<void> {
    try {
      const devices = await listDevices();
      this.all.clear();
      for (const device of devices) this.keep(device);
      this.failed = null;
      this.loaded = true;
    } catch (err) {
      this.failed = err;
    }
  }

  snapshot(states: readonly DeviceState[]): void {
    this.news.clear();
    this.states.clear();
    for (const state of states) this.states.set(state.device, state);
  }

  state(of: string): DeviceState | undefined {
    return this.states.get(of);
  }

  name(id: string): string {
    return this.all.get(id)?.name ?? this.told.get(id) ?? id;
  }

  learn(names: Record<string, string> | undefined): void {
    for (const [id, name] of Object.entries(names ?? {})) this.told.set(id, name);
  }

  /**
   * The site told how a device is doing. What comes within a moment is shown together: a site that starts, or an import,
   * tells thousands of states one by one, and each change of the screen looks at all of them.
   */
  heard(state: DeviceState): void {
    this.news.set(state.device, state);
    this.showing ??= setTimeout(() => this.showNews(), GATHER_MS);
  }

  private showNews(): void {
    this.showing = null;
    for (const state of this.news.values()) {
      this.states.set(state.device, state);
      if (this.loaded && !this.all.has(state.device) && !this.unknown.has(state.device)) void this.fetch(state.device);
    }
    this.news.clear();
  }

  /**
   * A device was added, changed or removed: ask for it. Many events in a row ask once; an import of thousands asks for
   * the list instead.
   */
  async fetch(id: string): Promise<void> {
    this.asked.add(id);
    if (this.asking) return;
    this.asking = true;
    await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
    const ids = [...this.asked];
    this.asked.clear();
    if (ids.length > ONE_BY_ONE) await this.load();
    else await Promise.all(ids.map((one) => this.fetchOne(one)));
    this.asking = false;
    const [more] = this.asked;
    if (more !== undefined) await this.fetch(more);
  }

  private async fetchOne(id: string): Promise<void> {
    const known = this.all.has(id);
    try {
      const device = await getDevice(id);
      this.unknown.delete(id);
      this.keep(device);
      if (!known) this.celebrate(id);
    } catch (err) {
      if (!(err instanceof ApiError) || err.status !== 404) return;
      this.unknown.add(id);
      this.forget(id);
    }
  }

  keep(device: Device): void {
    this.all.set(device.id, device);
    if (device.state) this.states.set(device.id, device.state);
  }

  forget(id: string): void {
    this.all.delete(id);
    this.states.delete(id);
    this.fresh.delete(id);
  }

  private celebrate(id: string): void {
    this.fresh.add(id);
    setTimeout(() => this.fresh.delete(id), NEW_FOR_MS);
  }
}

export const devices = new Devices();
