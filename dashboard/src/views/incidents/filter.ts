import type { IncidentState, Priority } from '../../data';
import type { IncidentFilter } from '../../data/incidents';
import { fromLocalInput, type SiteTime } from '../../parts/time';
import { periodStart, readPeriod } from './period';

/** What the address asks for, as the API wants it. `now` is the moment that periods count back from. */
export function readFilter(q: URLSearchParams, now: number, site: SiteTime): IncidentFilter {
  const state = q.get('keadaan') ?? '';
  const period = readPeriod(q);
  return {
    state: state === 'terbuka' ? ['open'] : state === '' ? [] : [state as IncidentState],
    priority: (q.get('prioritas') ?? '').split(',').filter((one) => one !== '') as Priority[],
    category: q.get('kategori') ?? '',
    zone: q.get('zona') ?? '',
    device: q.get('perangkat') ?? '',
    person: q.get('orang') ?? '',
    text: (q.get('cari') ?? '').slice(0, 200),
    since: period === 'own' ? fromLocalInput(q.get('sejak') ?? '', site) : periodStart(period, now, site),
    until: period === 'own' ? fromLocalInput(q.get('sampai') ?? '', site) : '',
  };
}
