import type { Report } from '../../data';
import * as m from '../../paraglide/messages';

/** The seven fields in their order: si, a, di, de, men, ba, bi. */
export const FIELDS: readonly { key: keyof Report; word: () => string; hint: () => string }[] = [
  { key: 'who', word: m.lapdi_who, hint: m.lapdi_who_hint },
  { key: 'what', word: m.lapdi_what, hint: m.lapdi_what_hint },
  { key: 'where', word: m.lapdi_where, hint: m.lapdi_where_hint },
  { key: 'with', word: m.lapdi_with, hint: m.lapdi_with_hint },
  { key: 'why', word: m.lapdi_why, hint: m.lapdi_why_hint },
  { key: 'how', word: m.lapdi_how, hint: m.lapdi_how_hint },
  { key: 'when', word: m.lapdi_when, hint: m.lapdi_when_hint },
];

export const EMPTY: Report = { who: '', what: '', where: '', with: '', why: '', how: '', when: '' };

export function fieldsOf(from: Report | null | undefined): Report {
  const out = { ...EMPTY };
  for (const { key } of FIELDS) out[key] = from?.[key] ?? '';
  return out;
}
