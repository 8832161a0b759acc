import type { Device, Incident } from '../../data';
import { devices } from '../../state/devices.svelte';
import { places } from '../../state/places.svelte';

/** The cameras that may have seen an incident: those it is about, then those of its zone, then those around it. */
export function camerasOf(incident: Incident): Device[] {
  const all = devices.cameras;
  const named = all.filter((camera) => (incident.devices ?? []).includes(camera.id));
  const there = all.filter((camera) => camera.zone === incident.zone);
  const near = all.filter((camera) => places.related(camera.zone, incident.zone));
  return [...new Set([...named, ...there, ...near])];
}

/** Every other camera of the site, for who wants to look further. */
export function otherCameras(incident: Incident): Device[] {
  const own = camerasOf(incident);
  return devices.cameras.filter((camera) => !own.includes(camera));
}
