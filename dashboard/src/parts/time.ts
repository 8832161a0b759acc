// Times and numbers as domain.md S2.16 wants them: 24 hours with a dot, day before month, the zone always said.
import * as m from '../paraglide/messages';
import { getLocale } from '../paraglide/runtime';

/** The part of a site that a time needs. */
export interface SiteTime {
  timezone: string;
  zone_name: string;
}

const DAYS = {
  id: ['Minggu', 'Senin', 'Selasa', 'Rabu', 'Kamis', 'Jumat', 'Sabtu'],
  en: ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'],
} as const;

const MONTHS = {
  id: ['Januari', 'Februari', 'Maret', 'April', 'Mei', 'Juni', 'Juli', 'Agustus', 'September', 'Oktober', 'November', 'Desember'],
  en: ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'],
} as const;

interface Wall {
  year: string;
  month: string;
  day: string;
  hour: string;
  minute: string;
  second: string;
}

const makers = new Map<string, Intl.DateTimeFormat>();

function maker(timezone: string): Intl.DateTimeFormat {
  const known = makers.get(timezone);
  if (known !== undefined) return known;
  const options = { hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
  let made: Intl.DateTimeFormat;
  try {
    made = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: timezone });
  } catch {
    made = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }); // a zone this browser does not know
  }
  makers.set(timezone, made);
  return made;
}

function read(moment: string | number, site: SiteTime): Wall | null {
  const ms = typeof moment === 'number' ? moment : Date.parse(moment);
  if (Number.isNaN(ms)) return null;
  const wall: Wall = { year: '', month: '', day: '', hour: '', minute: '', second: '' };
  for (const part of maker(site.timezone).formatToParts(ms)) {
    if (part.type in wall) wall[part.type as keyof Wall] = part.value;
  }
  return wall;
}

const NO_TIME = '–';

/** 22.15.08 */
export function clockTime(moment: string | number, site: SiteTime): string {
  const t = read(moment, site);
  return t === null ? NO_TIME : `${t.hour}.${t.minute}.${t.second}`;
}

/** 22.15.08 WITA */
export function zonedTime(moment: string | number, site: SiteTime): string {
  const t = clockTime(moment, site);
  return t === NO_TIME ? t : `${t} ${site.zone_name}`;
}

/** 22/11/2026 22.15 */
export function shortTime(moment: string | number, site: SiteTime): string {
  const t = read(moment, site);
  return t === null ? NO_TIME : `${t.day}/${t.month}/${t.year} ${t.hour}.${t.minute}`;
}

/** 22/11/2026 22.15 WITA */
export function shortZoned(moment: string | number, site: SiteTime): string {
  const t = shortTime(moment, site);
  return t === NO_TIME ? t : `${t} ${site.zone_name}`;
}

/** Minggu, 22 November 2026 */
export function longDate(moment: string | number, site: SiteTime): string {
  const t = read(moment, site);
  if (t === null) return NO_TIME;
  const words = getLocale();
  const day = new Date(Date.UTC(Number(t.year), Number(t.month) - 1, Number(t.day))).getUTCDay();
  return `${DAYS[words][day]}, ${Number(t.day)} ${MONTHS[words][Number(t.month) - 1]} ${t.year}`;
}

/** Minggu, 22 November 2026, 22.15.08 WITA */
export function longTime(moment: string | number, site: SiteTime): string {
  const t = longDate(moment, site);
  return t === NO_TIME ? t : `${t}, ${zonedTime(moment, site)}`;
}

const UNITS = [
  { ms: 86_400_000, long: m.dur_day, short: m.age_day },
  { ms: 3_600_000, long: m.dur_hour, short: m.age_hour },
  { ms: 60_000, long: m.dur_minute, short: m.age_minute },
  { ms: 1_000, long: m.dur_second, short: m.age_second },
] as const;

/** 2 menit 5 detik: the two largest units. */
export function duration(ms: number): string {
  const parts: string[] = [];
  let left = Math.max(0, Math.floor(ms / 1000)) * 1000;
  for (const unit of UNITS) {
    const n = Math.floor(left / unit.ms);
    if (n === 0) {
      if (parts.length > 0) break;
      continue;
    }
    parts.push(unit.long({ n }));
    left -= n * unit.ms;
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? m.dur_second({ n: 0 }) : parts.join(' ');
}

/** 3 mnt: the largest unit, short, for tiles and rows. */
export function age(ms: number): string {
  const safe = Math.max(0, ms);
  const unit = UNITS.find((one) => safe >= one.ms) ?? UNITS[UNITS.length - 1];
  return (unit ?? UNITS[3]).short({ n: Math.floor(safe / (unit ?? UNITS[3]).ms) });
}

/** 1.234,5 in Indonesian, 1,234.5 in English. */
export function amount(value: number, digits = 1): string {
  return new Intl.NumberFormat(getLocale() === 'id' ? 'id-ID' : 'en-GB', { maximumFractionDigits: digits }).format(value);
}

/** 22/11/2026 22.15 as 2026-11-22T22:15; '' when it is no day or minute. A day alone begins at midnight. */
export function readDayMinute(typed: string): string {
  const read = /^(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?:[ ,]+(\d{1,2})[.:](\d{2}))?$/.exec(typed.trim());
  if (read === null) return '';
  const [, day = '', month = '', year = '', hour = '0', minute = '00'] = read;
  const made = new Date(Date.UTC(+year, +month - 1, +day, +hour, +minute));
  const text = made.toISOString().slice(0, 16);
  const same = made.getUTCMonth() === +month - 1 && made.getUTCDate() === +day && made.getUTCHours() === +hour && made.getUTCMinutes() === +minute;
  return same ? text : '';
}

/** The way back: 2026-11-22T22:15 as 22/11/2026 22.15. */
export function writeDayMinute(text: string): string {
  const read = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})$/.exec(text);
  return read === null ? '' : `${read[3]}/${read[2]}/${read[1]} ${read[4]}.${read[5]}`;
}

/** The site's day and minute (2026-11-22T22:15) at a moment, and back. */
export function toLocalInput(moment: string | number, site: SiteTime): string {
  const t = read(moment, site);
  return t === null ? '' : `${t.year}-${t.month}-${t.day}T${t.hour}:${t.minute}`;
}

/** The moment that the clock on the site's wall shows as `text` (2026-11-22T22:15); '' when it is no time. */
export function fromLocalInput(text: string, site: SiteTime): string {
  const asUtc = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}$/.test(text) ? Date.parse(`${text}:00Z`) : Number.NaN;
  if (Number.isNaN(asUtc)) return '';
  const shown = read(asUtc, site);
  if (shown === null) return '';
  const ahead = Date.UTC(+shown.year, +shown.month - 1, +shown.day, +shown.hour, +shown.minute) - asUtc;
  return new Date(asUtc - ahead).toISOString();
}
