import { fromLocalInput, toLocalInput, type SiteTime } from '../../parts/time';

export type Period = 'today' | '7' | '30' | 'all' | 'own';

const DAY_MS = 86_400_000;

/** Where a period begins, as the API wants it; '' when it has no beginning. */
export function periodStart(period: Period, now: number, site: SiteTime): string {
  if (period === 'all' || period === 'own') return '';
  const today = fromLocalInput(toLocalInput(now, site).slice(0, 11) + '00:00', site);
  if (period === 'today' || today === '') return today;
  return new Date(Date.parse(today) - (Number(period) - 1) * DAY_MS).toISOString();
}

export function readPeriod(query: URLSearchParams): Period {
  const asked = query.get('rentang');
  if (asked === 'today' || asked === '7' || asked === '30' || asked === 'own') return asked;
  return query.has('sejak') || query.has('sampai') ? 'own' : 'all';
}
