import type { Anchor, Device, FloorPlan, List, PlanSpot } from '../wire';
import { ask, askAll, BASE, send, toQuery } from './http';

const at = (zone: string): string => `/plans/${encodeURIComponent(zone)}`;

export function listPlans(): Promise<FloorPlan[]> {
  return askAll('/plans');
}

/** Gives a zone a floor plan, or another picture of it: PNG or JPEG, at most 8 MiB. */
export async function setPicture(zone: string, picture: Blob, reason: string, revision?: number): Promise<FloorPlan> {
  const query = toQuery({ reason, revision: revision === undefined ? '' : String(revision) });
  const init = { method: 'PUT', body: picture, headers: { 'Content-Type': picture.type } };
  return (await send(`${BASE}${at(zone)}/picture${query}`, init, 60_000)).json() as Promise<FloorPlan>;
}

/** Says where on earth a plan lies: two points of it, or none. */
export function anchorPlan(zone: string, anchors: Anchor[], reason: string, revision?: number): Promise<FloorPlan> {
  return ask(at(zone), { method: 'PATCH', body: { anchors, reason, ...(revision === undefined ? {} : { revision }) } });
}

export function removePlan(zone: string, reason: string): Promise<void> {
  return ask(at(zone) + toQuery({ reason }), { method: 'DELETE' });
}

export interface MarkChange {
  device: string;
  /** Absent: take it off the plan. */
  at?: PlanSpot;
  revision?: number;
}

/** Puts devices onto a plan or takes them off: all of them or none. Answers with the devices as they are now. */
export async function placeDevices(zone: string, marks: MarkChange[], reason: string): Promise<Device[]> {
  const answer = await ask<List<Device>>(`${at(zone)}/place`, { method: 'POST', body: { marks, reason } });
  return answer.items ?? [];
}
