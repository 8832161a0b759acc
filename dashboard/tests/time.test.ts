import { afterEach, describe, expect, it } from 'vitest';
import { overwriteGetLocale } from '../src/paraglide/runtime';
import { age, amount, clockTime, duration, fromLocalInput, longTime, readDayMinute, shortTime, shortZoned, toLocalInput, writeDayMinute, zonedTime } from '../src/parts/time';

const MAJENE = { timezone: 'Asia/Makassar', zone_name: 'WITA' };
const KEDIRI = { timezone: 'Asia/Jakarta', zone_name: 'WIB' };
const JAYAPURA = { timezone: 'Asia/Jayapura', zone_name: 'WIT' };
const AT = '2026-11-22T14:15:08.123Z';

afterEach(() => overwriteGetLocale(() => 'id'));
overwriteGetLocale(() => 'id');

describe('times as S2.16 writes them', () => {
  it('has a dot, 24 hours, day before month, and the zone', () => {
    expect(shortTime(AT, MAJENE)).toBe('22/11/2026 22.15');
    expect(shortZoned(AT, MAJENE)).toBe('22/11/2026 22.15 WITA');
    expect(clockTime(AT, MAJENE)).toBe('22.15.08');
    expect(zonedTime('2026-11-21T17:07:12.000Z', MAJENE)).toBe('01.07.12 WITA');
    expect(longTime(AT, MAJENE)).toBe('Minggu, 22 November 2026, 22.15.08 WITA');
  });

  it('follows the zone of the site, over midnight and over the year', () => {
    expect(shortZoned('2026-12-31T16:30:00.000Z', MAJENE)).toBe('01/01/2027 00.30 WITA');
    expect(shortZoned('2026-12-31T16:30:00.000Z', KEDIRI)).toBe('31/12/2026 23.30 WIB');
    expect(longTime('2026-12-31T15:00:00.000Z', JAYAPURA)).toBe('Jumat, 1 Januari 2027, 00.00.00 WIT');
  });

  it('keeps the numbers and changes the words in English', () => {
    overwriteGetLocale(() => 'en');
    expect(longTime(AT, MAJENE)).toBe('Sunday, 22 November 2026, 22.15.08 WITA');
    expect(duration(125_000)).toBe('2 min 5 s');
    expect(amount(1234.5)).toBe('1,234.5');
  });

  it('shows a dash for what is no time', () => {
    expect(zonedTime('', MAJENE)).toBe('–');
    expect(longTime('yesterday', MAJENE)).toBe('–');
  });
});

describe('durations and numbers', () => {
  it('names the two largest units', () => {
    expect(duration(125_000)).toBe('2 menit 5 detik');
    expect(duration(0)).toBe('0 detik');
    expect(duration(3_600_000)).toBe('1 jam');
    expect(duration(3_605_000)).toBe('1 jam');
    expect(duration(97_200_000)).toBe('1 hari 3 jam');
    expect(duration(-5)).toBe('0 detik');
  });

  it('is short on tiles', () => {
    expect([age(0), age(999), age(59_000), age(60_000), age(7_199_000), age(90_000_000)]).toEqual(['0 dtk', '0 dtk', '59 dtk', '1 mnt', '1 jam', '1 hari']);
  });

  it('writes numbers the Indonesian way', () => {
    expect(amount(1234.5)).toBe('1.234,5');
  });
});

describe('typed times', () => {
  it.each([
    ['22/11/2026 22.15', '2026-11-22T22:15'],
    ['1/2/2027 7.05', '2027-02-01T07:05'],
    ['22-11-2026 22:15', '2026-11-22T22:15'],
    ['22/11/2026', '2026-11-22T00:00'],
    ['31/02/2026 10.00', ''],
    ['22/11/2026 25.00', ''],
    ['kemarin', ''],
  ])('reads %s as %s', (typed, read) => {
    expect(readDayMinute(typed)).toBe(read);
  });

  it('comes back as it was typed', () => {
    expect(writeDayMinute(readDayMinute('22/11/2026 22.15'))).toBe('22/11/2026 22.15');
    expect(writeDayMinute('')).toBe('');
  });

  it('is the wall clock of the site, whatever the browser thinks', () => {
    expect(fromLocalInput('2026-11-22T22:15', MAJENE)).toBe('2026-11-22T14:15:00.000Z');
    expect(toLocalInput('2026-11-22T14:15:00.000Z', KEDIRI)).toBe('2026-11-22T21:15');
    expect(fromLocalInput('nonsense', MAJENE)).toBe('');
  });
});
