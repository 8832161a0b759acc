import * as m from '../../paraglide/messages';
import { STAGES, stageWord } from '../../parts/words';

const FILES = ['data', 'rules'];

const GROUPS: Record<string, () => string> = {
  site: m.set_site,
  recording: m.set_recording,
  console: m.set_console,
  contacts: m.set_contacts,
  live: m.set_live,
  mqtt: m.set_mqtt,
  http: m.set_http,
  log: m.set_log,
  data: m.set_files,
  rules: m.set_files,
};

const KEYS: Record<string, () => string> = {
  'site.id': m.set_site_id,
  'site.name': m.set_site_name,
  'site.region': m.set_site_region,
  'site.stage': m.set_site_stage,
  'site.timezone': m.set_site_timezone,
  'site.zone_name': m.set_site_zone_name,
  'recording.keep_days': m.set_keep_days,
  'recording.keep_least_days': m.set_keep_least_days,
  'recording.reserve_mib': m.set_reserve_mib,
  'recording.segment_s': m.set_segment_s,
  'recording.stream_gib': m.set_stream_gib,
  'console.ask_after_min': m.set_ask_after,
  'console.answer_within_s': m.set_answer_within,
  'console.absent_after_s': m.set_absent_after,
  'console.leader_s': m.set_leader_s,
  'console.secretariat_s': m.set_secretariat_s,
  'console.police_s': m.set_police_s,
  contacts: m.set_contacts_list,
  'live.listen': m.set_live_listen,
  'live.addresses': m.set_live_addresses,
  'mqtt.listen': m.set_mqtt_listen,
  'mqtt.tls_cert': m.set_tls_cert,
  'mqtt.tls_key': m.set_tls_key,
  'mqtt.messages_per_second': m.set_mqtt_messages,
  'mqtt.url': m.set_mqtt_url,
  'mqtt.ca': m.set_mqtt_ca,
  'mqtt.username': m.set_mqtt_username,
  'mqtt.password_file': m.set_mqtt_password_file,
  'http.listen': m.set_http_listen,
  'http.tls_cert': m.set_tls_cert,
  'http.tls_key': m.set_tls_key,
  'http.trusted_proxies': m.set_http_proxies,
  'log.level': m.set_log_level,
  'log.format': m.set_log_format,
  data: m.set_data,
  rules: m.set_rules,
};

const ORDER = ['site', 'recording', 'console', 'contacts', 'live', 'mqtt', 'http', 'log', 'files'];
const stem = (key: string): string => key.split('.')[0] ?? key;
const room = (key: string): string => (FILES.includes(stem(key)) ? 'files' : stem(key));

export interface Group<T> {
  name: string;
  title: string;
  list: T[];
}

/** Settings under the headings a person looks for; what is new to this screen comes last, under its own key. */
export function grouped<T extends { key: string }>(settings: readonly T[]): Group<T>[] {
  const groups = new Map<string, Group<T>>();
  for (const one of settings) {
    const name = room(one.key);
    const group = groups.get(name) ?? { name, title: GROUPS[stem(one.key)]?.() ?? name, list: [] };
    group.list.push(one);
    groups.set(name, group);
  }
  const rank = (name: string): number => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  return [...groups.values()].sort((a, b) => rank(a.name) - rank(b.name));
}

/** What a key is about; '' when its own name says it. */
export const keyWord = (key: string): string => KEYS[key]?.() ?? '';

/** When a change of a setting takes effect. */
export const appliesWord = (applies: string): string => (applies === 'restart' ? m.settings_restart() : m.settings_now());

const HINTS: Record<string, () => string> = {
  'site.stage': m.set_hint_stage,
  contacts: m.set_hint_contacts,
  'console.absent_after_s': m.set_hint_absent,
  'recording.keep_days': m.set_hint_keep_days,
  'recording.keep_least_days': m.set_hint_keep_least,
  'recording.stream_gib': m.set_hint_stream_gib,
  'log.level': m.set_hint_log,
};

/** What a setting does and when a change takes effect. */
export const hintWord = (key: string): string => HINTS[key]?.() ?? '';

/** What a setting may be, where it is one of a few. */
export function choices(key: string): readonly (readonly [value: string, word: string])[] {
  if (key === 'log.level') return ['debug', 'info', 'warn', 'error'].map((level) => [level, level] as const);
  return key === 'site.stage' ? STAGES.map((stage) => [stage, stageWord(stage)] as const) : [];
}

/** A value on one line. */
export const valueWord = (key: string, value: string): string => (key === 'site.stage' ? stageWord(value) : lines(value).join('; ') || m.settings_empty());

/** A value as lines a person reads: lists are taken apart, nothing stays JSON. */
export function lines(value: string): string[] {
  if (!value.startsWith('[')) return value === '' ? [] : [value];
  try {
    const list: unknown = JSON.parse(value);
    if (!Array.isArray(list)) return [value];
    return list.map((one: unknown) => (typeof one === 'object' && one !== null ? contact(one as Record<string, unknown>) : String(one)));
  } catch {
    return [value];
  }
}

function contact(of: Record<string, unknown>): string {
  const text = (key: string): string => (typeof of[key] === 'string' ? of[key] : '');
  const radio = text('radio') === '' ? '' : m.set_by_radio({ name: text('radio') });
  return [text('name'), text('phone'), radio].filter(Boolean).join(' - ');
}
