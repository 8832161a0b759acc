import { fromLocalInput, toLocalInput, type SiteTime } from '../../parts/time';

export type Period = 'shift' | '24' | '7' | '30' | '90' | 'all' | 'own';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** When the guard changes, by the clock on the wall. */
const SHIFTS = ['07:00', '19:00'] as const;

/** The moment the present shift began. */
function shiftStart(now: number, site: SiteTime): string {
  const today = toLocalInput(now, site).slice(0, 10);
  const yesterday = toLocalInput(now - DAY_MS, site).slice(0, 10);
  const starts = [`${yesterday}T${SHIFTS[1]}`, `${today}T${SHIFTS[0]}`, `${today}T${SHIFTS[1]}`].map((text) => fromLocalInput(text, site));
  return starts.filter((start) => start !== '' && Date.parse(start) <= now).at(-1) ?? '';
}

/** Where a period begins, as the API wants it; '' when it has no beginning. Days are whole ones of the site. */
export function periodStart(period: Period, now: number, site: SiteTime): string {
  switch (period) {
    case 'all':
    case 'own':
      return '';
    case 'shift':
      return shiftStart(now, site);
    case '24':
      return new Date(now - DAY_MS).toISOString();
    default: {
      const today = fromLocalInput(toLocalInput(now, site).slice(0, 11) + '00:00', site);
      return today === '' ? '' : new Date(Date.parse(today) - (Number(period) - 1) * DAY_MS).toISOString();
    }
  }
}

/** The period that an address asks for; seven days when it says nothing. */
export function readPeriod(query: URLSearchParams): Period {
  const asked = query.get('rentang');
  if (asked === 'shift' || asked === '24' || asked === '7' || asked === '30' || asked === '90' || asked === 'all' || asked === 'own') return asked;
  return query.has('sejak') || query.has('sampai') ? 'own' : '7';
}
