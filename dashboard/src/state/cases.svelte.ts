import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { ApiError } from '../data/http';
import { acceptAlert, act, getIncident, type Deed } from '../data/incidents';
import type { Alert, Incident, IncidentState, Priority } from '../wire';
import { names } from './names.svelte';

const RANK: Record<Priority, number> = { critical: 3, important: 2, caution: 1, info: 0 };
const OPEN: readonly IncidentState[] = ['new', 'acknowledged', 'handling', 'escalated'];

export function isOpen(state: IncidentState): boolean {
  return OPEN.includes(state);
}

/** Most urgent first; among equals the one that waits longest. */
export function byUrgency(a: { priority: Priority; since: string }, b: { priority: Priority; since: string }): number {
  return RANK[b.priority] - RANK[a.priority] || a.since.localeCompare(b.since);
}

/** The incident as it will stand when the site agrees; undefined when that shows only in its answer. */
function hope(incident: Incident, deed: Deed): Incident | undefined {
  if (deed.do === 'respond') return { ...incident, state: 'handling' };
  if (deed.do === 'escalate') return { ...incident, state: 'escalated', escalated_to: deed.to ?? '' };
  return undefined;
}

export type Outcome =
  | { ok: true; incident: Incident }
  /** Somebody was faster; `state` is what they made of it, `error` says so in words. */
  | { ok: false; taken: { by: string; at: string; state: IncidentState | '' }; error: unknown }
  | { ok: false; error: unknown };

const takenOf = ({ problem }: ApiError): { by: string; at: string; state: IncidentState | '' } => ({
  by: problem.by_name ?? problem.by ?? '',
  at: problem.at ?? '',
  state: problem.state ?? '',
});

/** The open alerts and incidents of the site, as the live channel tells them. */
class Cases {
  readonly alerts = new SvelteMap<string, Alert>();
  readonly incidents = new SvelteMap<string, Incident>();
  /** Alerts being accepted right now: shown as accepted, taken back when the site refuses. */
  readonly pending = new SvelteSet<string>();
  /** Grows with every change of any incident; lists read it to know that they are old. */
  version = $state(0);
  private begun = false;
  /** Told about alerts that are new since the page is open. */
  private listeners = new Set<(alert: Alert) => void>();

  /** Every alert that nobody has accepted, most urgent first. */
  private readonly unanswered = $derived(
    [...this.alerts.values()]
      .filter((alert) => this.waits(alert))
      .sort((a, b) => byUrgency({ ...a, since: a.raised_at }, { ...b, since: b.raised_at })),
  );

  /** The most urgent of them of each incident: accepting it answers the others, so they are not rows of their own. */
  readonly waiting = $derived(this.unanswered.filter((alert, i, all) => all.findIndex((one) => one.incident === alert.incident) === i));

  /** Open incidents that somebody has accepted. */
  readonly handled = $derived(
    [...this.incidents.values()]
      .filter((incident) => incident.acknowledged_at || this.accepting(incident.id))
      .sort((a, b) => byUrgency({ ...a, since: a.opened_at }, { ...b, since: b.opened_at })),
  );

  /** Alerts that belong to no incident, newest first: to be known, not to be worked on. */
  readonly news = $derived(
    [...this.alerts.values()].filter((alert) => alert.incident === '' && alert.state === 'active').sort((a, b) => b.raised_at.localeCompare(a.raised_at)),
  );

  readonly active = $derived([...this.alerts.values()].filter((alert) => alert.state === 'active'));

  snapshot(alerts: readonly Alert[], incidents: readonly Incident[]): void {
    const known = new Set(this.alerts.keys());
    const first = !this.begun;
    this.begun = true;
    this.alerts.clear();
    this.incidents.clear();
    for (const incident of incidents) this.keepIncident(incident);
    for (const alert of alerts) this.alerts.set(alert.id, alert);
    if (!first) this.version++;
    if (!first) for (const alert of alerts) if (!known.has(alert.id)) this.tell(alert);
    // Whoever opens the page in the middle of a night sees the worst of it at once.
    const worst = this.waiting[0];
    if (first && worst?.priority === 'critical') this.tell(worst);
  }

  hearAlert(alert: Alert): void {
    const known = this.alerts.get(alert.id);
    if (alert.state === 'cleared' && !this.incidents.has(alert.incident)) this.alerts.delete(alert.id);
    else this.alerts.set(alert.id, alert);
    this.version++;
    if (known === undefined || (known.state === 'cleared' && alert.state === 'active')) this.tell(alert);
  }

  hearIncident(incident: Incident): void {
    this.keepIncident(incident);
    this.version++;
  }

  onNew(listener: (alert: Alert) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  alertsOf(incident: string): Alert[] {
    return [...this.alerts.values()].filter((alert) => alert.incident === incident);
  }

  /** The most urgent alert of an incident, the first of them. */
  gravest(incident: string): Alert | undefined {
    return this.alertsOf(incident).sort((a, b) => byUrgency({ ...a, since: a.raised_at }, { ...b, since: b.raised_at }))[0];
  }

  async accept(alert: Alert): Promise<Outcome> {
    this.pending.add(alert.id);
    try {
      const incident = await acceptAlert(alert.id);
      this.hearIncident(incident);
      this.markAccepted(incident);
      return { ok: true, incident };
    } catch (err) {
      if (err instanceof ApiError && err.code === 'taken') {
        names.learn(err.problem.by, err.problem.by_name);
        await this.refresh(alert.incident);
        return { ok: false, taken: takenOf(err), error: err };
      }
      return { ok: false, error: err };
    } finally {
      this.pending.delete(alert.id);
    }
  }

  /** How many other unanswered alerts stand behind the one that is shown. */
  besides(alert: Alert): number {
    return this.unanswered.filter((one) => one.incident === alert.incident).length - 1;
  }

  /** Does something to an incident. What is sure to follow shows at once, and is taken back when the site refuses. */
  async do(incident: string, deed: Deed): Promise<Outcome> {
    const before = this.incidents.get(incident);
    const hoped = before && hope(before, deed);
    if (hoped !== undefined) this.incidents.set(incident, hoped);
    const outcome = await this.tryTo(incident, deed);
    if (!outcome.ok && hoped !== undefined && before !== undefined && this.incidents.get(incident) === hoped) this.incidents.set(incident, before);
    return outcome;
  }

  private async tryTo(incident: string, deed: Deed): Promise<Outcome> {
    try {
      const after = await act(incident, deed);
      this.hearIncident(after);
      return { ok: true, incident: after };
    } catch (err) {
      if (err instanceof ApiError && err.code === 'taken') {
        return { ok: false, taken: takenOf(err), error: err };
      }
      return { ok: false, error: err };
    }
  }

  private waits(alert: Alert): boolean {
    // An alert without an incident is news: nobody has to accept it.
    if (alert.incident === '' || this.pending.has(alert.id) || alert.acknowledged_at) return false;
    const incident = this.incidents.get(alert.incident);
    if (incident === undefined) return alert.state === 'active';
    // What joins an accepted incident wants to be accepted anew when it is important; the rest is covered by the first.
    // In an incident that nobody accepted everything waits, and shows as one row.
    return !incident.acknowledged_at || RANK[alert.priority] >= RANK.important;
  }

  private accepting(incident: string): boolean {
    return [...this.pending].some((id) => this.alerts.get(id)?.incident === incident);
  }

  private async refresh(id: string): Promise<void> {
    try {
      const incident = await getIncident(id);
      this.hearIncident(incident);
      this.markAccepted(incident);
    } catch {
      // The live channel brings it anyway.
    }
  }

  /** Accepting an alert accepts its incident with every alert in it. */
  private markAccepted(incident: Incident): void {
    const at = incident.acknowledged_at;
    if (!at) return;
    for (const alert of this.alertsOf(incident.id)) {
      if (!alert.acknowledged_at && alert.raised_at <= at) {
        this.alerts.set(alert.id, { ...alert, acknowledged_by: incident.acknowledged_by ?? null, acknowledged_at: at });
      }
    }
  }

  private keepIncident(incident: Incident): void {
    names.learnFrom(incident);
    if (isOpen(incident.state)) {
      this.incidents.set(incident.id, { ...incident, acts: null, timeline: null });
      for (const alert of incident.alerts ?? []) this.alerts.set(alert.id, alert);
    } else {
      this.incidents.delete(incident.id);
      for (const alert of this.alertsOf(incident.id)) this.alerts.delete(alert.id);
    }
  }

  private tell(alert: Alert): void {
    for (const listener of this.listeners) listener(alert);
  }
}

export const cases = new Cases();
