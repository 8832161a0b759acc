// The site says why it refuses in English, for every program that asks. What a technician meets often is said here in
// the words of the screen; anything else stays as the site said it, which is better than nothing.
import * as m from '../paraglide/messages';
import { amount } from './time';

type Say = (found: readonly string[]) => string;

const at = (found: readonly string[], n: number): string => found[n] ?? '';

/** The English of the site, and what it means. Each must match what the site really says (tests/refusals.test.ts). */
export const REFUSALS: readonly (readonly [RegExp, Say])[] = [
  [/^there is no zone "(.*)"; add it first$/, (f) => m.no_zone({ zone: at(f, 1) })],
  [/^there is no device "(.*)"; register the gateway first$/, (f) => m.no_gateway({ device: at(f, 1) })],
  [/^(\d+) characters long, want (\d+) to (\d+)$/, (f) => (f[1] === '0' ? m.no_text() : m.wrong_length({ n: at(f, 1), least: at(f, 2), most: at(f, 3) }))],
  [/^"(.*)": want lower case letters, digits and hyphens, at most 63, not starting with a hyphen$/, (f) => m.wrong_id({ id: at(f, 1) })],
  [/^"(.*)": want 2 to 8 capital letters or digits, as GDB$/, (f) => m.wrong_code({ code: at(f, 1) })],
  [/^device "(.*)" has the name "(.*)" already; free is "(.*)"$/, (f) => m.name_taken({ device: at(f, 1), name: at(f, 2), free: at(f, 3) })],
  [/^device "(.*)" \((.*)\) has this address already, registered (.*) by (.*)$/, (f) => m.address_taken({ device: at(f, 1), name: at(f, 2) })],
  [/^there is a device "(.*)" already: (.*), registered (.*) by (.*)$/, (f) => m.id_taken({ device: at(f, 1), name: at(f, 2) })],
  [/^zone "(.*)" has the name "(.*)" already$/, (f) => m.zone_name_taken({ name: at(f, 2) })],
  [/^zone "(.*)" has the code (.*) already$/, (f) => m.zone_code_taken({ zone: at(f, 1), code: at(f, 2) })],
  [/^zone "(.*)" still holds (?:zone|device) "(.*)" \((.*)\); move or remove that first$/, (f) => m.zone_holds({ name: at(f, 3) })],
  [/^(\d+) devices stand behind "(.*)", the first is "(.*)" \((.*)\); remove them first$/, (f) => m.gateway_holds({ n: at(f, 1), name: at(f, 4) })],
  [/^topic "(.*)" overlaps with "(.*)" of device "(.*)" \((.*)\); each gateway needs topics of its own$/, (f) => m.topic_taken({ topic: at(f, 1), name: at(f, 4) })],
  [/^the address names another user; /, () => m.address_user()],
  [/^the address carries another password; /, () => m.address_user()],
  [/^not an address; /, () => m.not_an_address()],
  [/^the address now is another machine, (.*); enter it again/, () => m.enter_again()],
  [/^(?:main|sub): the video has B-frames, /, () => m.note_b_frames()],
  [/^(?:main|sub): H\.265 is not shown by every browser; H\.264 is$/, () => m.note_h265()],
  [/^(?:main|sub): audio as (.*) is not carried; set AAC, G\.711 or Opus$/, (f) => m.note_audio({ codec: at(f, 1) })],
  [/^(?:main|sub): key frames are (.*) s apart; /, (f) => m.note_key_frames({ s: amount(Number(at(f, 1))) })],
  [/^(?:main|sub): the camera's clock differs from ours by (.*); set its time server$/, (f) => m.note_clock({ by: at(f, 1) })],
  [/^the camera shows its picture to anybody, without a password; set one$/, () => m.note_open()],
  [/^this looks like the password the camera was delivered with; change it before use$/, () => m.note_default_password()],
  [/^(-?\d+) is out of range: use (\d+) to (\d+)$/, (f) => m.out_of_range({ n: at(f, 1), low: at(f, 2), high: at(f, 3) })],
  [/^needs a name, and a phone or a radio$/, () => m.contact_incomplete()],
  [/^the sub stream cannot be played: /, () => m.note_no_sub()],
];

/** What the site said, in the words of the screen where they are known. */
export function plainly(said: string): string {
  for (const [pattern, say] of REFUSALS) {
    const found = pattern.exec(said);
    if (found !== null) return say(found);
  }
  return said;
}

const FIELDS: Record<string, () => string> = {
  value: m.settings_value,
  name: m.wizard_name,
  zone: m.wizard_zone,
  alias: m.device_alias,
  kind: m.devices_kind,
  code: m.zone_code,
  parent: m.zone_parent,
  login: m.login_name,
  reason: m.reason,
  password: m.password,
};

/** What a box is called on the screen. */
export function fieldName(field: string): string {
  const row = /^value\[(\d+)\]/.exec(field);
  return row ? m.contact_row({ n: Number(row[1]) + 1 }) : (FIELDS[field]?.() ?? field);
}
