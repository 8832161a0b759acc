// The words of the site (docs/glossary.md) as people read them.
import * as m from '../paraglide/messages';
import { getLocale } from '../paraglide/runtime';
import type { DeviceStatus, IncidentState, Priority, Problem, Role, Words } from '../wire';
import { fieldName, plainly } from './refusals';
import { duration, zonedTime, type SiteTime } from './time';

type Text = () => string;

const PRIORITY: Record<Priority, Text> = {
  critical: m.prio_critical,
  important: m.prio_important,
  caution: m.prio_caution,
  info: m.prio_info,
};

const STATE: Record<IncidentState, Text> = {
  new: m.state_new,
  acknowledged: m.state_acknowledged,
  handling: m.state_handling,
  escalated: m.state_escalated,
  resolved: m.state_resolved,
  closed: m.state_closed,
  false_alarm: m.state_false_alarm,
  duplicate: m.state_duplicate,
  drill: m.state_drill,
};

const ROLE: Record<Role, Text> = {
  guard: m.role_guard,
  leader: m.role_leader,
  secretariat: m.role_secretariat,
  chair: m.role_chair,
  technician: m.role_technician,
  'it-security': m.role_it_security,
  auditor: m.role_auditor,
  administrator: m.role_administrator,
};

const STATUS: Record<DeviceStatus, Text> = {
  online: m.dev_online,
  offline: m.dev_offline,
  disabled: m.dev_disabled,
  connecting: m.dev_connecting,
  unknown: m.dev_unknown,
};

const CATEGORY: Record<string, Text> = {
  akses: m.cat_akses,
  access: m.cat_akses,
  pencurian_perusakan: m.cat_pencurian_perusakan,
  kebakaran_bencana: m.cat_kebakaran_bencana,
  massa: m.cat_massa,
  ancaman_orang: m.cat_ancaman_orang,
  udara: m.cat_udara,
  radio: m.cat_radio,
  logistik: m.cat_logistik,
  siber: m.cat_siber,
  sistem: m.cat_sistem,
  integritas: m.cat_integritas,
  informasi: m.cat_informasi,
};

const WHY: Record<string, Text> = {
  unreachable: m.why_unreachable,
  refused: m.why_refused,
  not_found: m.why_not_found,
  no_frames: m.why_no_frames,
  reset: m.why_reset,
  unsupported: m.why_unsupported,
  insecure: m.why_insecure,
  protocol: m.why_protocol,
  disk_slow: m.why_disk_slow,
  disk_full: m.why_disk_full,
  disk_error: m.why_disk_error,
  stopped: m.why_stopped,
  shutdown: m.why_shutdown,
  crash: m.why_crash,
  clock: m.why_clock,
  not_yet: m.why_not_yet,
  worker_failed: m.why_worker_failed,
  settings: m.why_settings,
  not_accepted: m.incident_not_accepted,
  unknown: m.why_unknown,
};

const FIX: Record<string, Text> = {
  unreachable: m.fix_unreachable,
  refused: m.fix_refused,
  not_found: m.fix_not_found,
  no_frames: m.fix_no_frames,
  reset: m.fix_reset,
  unsupported: m.fix_unsupported,
  insecure: m.fix_insecure,
  protocol: m.fix_protocol,
  settings: m.fix_settings,
};

/** Why a picture comes by the slower way. */
const SLOW: Record<string, Text> = {
  b_frames: m.slow_b_frames,
  codec: m.slow_codec,
  browser: m.slow_browser,
  no_webrtc: m.slow_no_webrtc,
};

/** Parties outside the site that cards and the ladder name. */
const PARTY: Record<string, Text> = {
  police: m.party_police,
  fire: m.party_fire,
  ambulance: m.party_ambulance,
  power: m.party_power,
  bawaslu: m.party_bawaslu,
};

export const CATEGORIES: readonly string[] = Object.keys(CATEGORY).filter((key) => key !== 'access');
export const ROLES = Object.keys(ROLE) as readonly Role[];

const STAGE: Record<string, Text> = {
  rutin: m.stage_rutin,
  pendaftaran: m.stage_pendaftaran,
  logistik_terima: m.stage_logistik_terima,
  logistik_distribusi: m.stage_logistik_distribusi,
  pungut_hitung: m.stage_pungut_hitung,
  rekapitulasi: m.stage_rekapitulasi,
  sengketa: m.stage_sengketa,
};

export const STAGES: readonly string[] = Object.keys(STAGE);
/** Those whom an action card may tell to call (internal/watch/party.go). */
export const PARTIES: readonly string[] = ['guard', 'leader', 'secretariat', 'chair', 'technician', 'it-security', ...Object.keys(PARTY)];

const pick = (table: Record<string, Text>, key: string): string => table[key]?.() ?? key;

export const priorityWord = (p: Priority): string => pick(PRIORITY, p);
export const stateWord = (s: IncidentState): string => pick(STATE, s);
export const roleWord = (r: Role): string => pick(ROLE, r);
/** The stage of an election. */
export const stageWord = (stage: string): string => pick(STAGE, stage);
/** A role, or a party outside. */
export const partyWord = (who: string): string => pick({ ...ROLE, ...PARTY }, who);
export const statusWord = (s: DeviceStatus): string => pick(STATUS, s);
export const categoryWord = (c: string): string => pick(CATEGORY, c);
/** Why a device or its video is not there. */
export const whyWord = (reason: string): string => pick(WHY, reason);
/** Why a tile says that its picture comes by the slower way. */
export const slowWord = (reason: string): string => (SLOW[reason] ?? m.slow_unknown)();
/** What a technician does about it. */
export const fixWord = (reason: string): string => (FIX[reason] ?? m.fix_unknown)();

/** A title in the language of the screen; the other language when one is missing. */
export function say(words: Words | undefined): string {
  if (words === undefined) return '';
  return (getLocale() === 'en' ? words.en || words.id : words.id || words.en) ?? '';
}

/** Characters that the site asks of a password. */
export const SHORTEST_PASSWORD = 12;

/** What an error of the data layer looks like from here. */
export interface Refusal {
  code: string;
  status: number;
  problem: Problem;
}

export function isRefusal(err: unknown): err is Refusal {
  return typeof err === 'object' && err !== null && 'code' in err && 'problem' in err;
}

function waitWord(problem: Problem): string {
  return problem.retry_after_ms ? duration(problem.retry_after_ms + 999) : m.err_wait_unknown();
}

function fieldWord(problem: Problem): string {
  const first = problem.errors?.[0];
  if (first === undefined) return plainly(problem.detail ?? '');
  const where = (first.location ?? '').replace(/^body\./, '');
  return [fieldName(where), plainly(first.message ?? '')].filter((part) => part !== '').join(': ');
}

/** The site's time and not an age: the clock of this computer may be wrong. */
const timeOf = ({ at }: Problem, site?: SiteTime): string => (at && site ? `, ${zonedTime(at, site)}` : '');

/** Who was first, with what and when, for whoever came second. */
export function firstWord(problem: Problem, site?: SiteTime): string {
  const { by_name, state } = problem;
  return m.err_first({ name: by_name || m.somebody(), state: state ? stateWord(state) : '', time: timeOf(problem, site) });
}

/** What went wrong and what to do next, in one or two sentences; with the site, times in it too. */
export function explain(err: unknown, site?: SiteTime): string {
  if (!isRefusal(err)) return m.err_other({ detail: err instanceof Error ? err.message : String(err) });
  const { problem } = err;
  switch (err.code) {
    case 'network':
      return m.err_network();
    case 'timeout':
      return m.err_timeout();
    case 'bad_credentials':
      return problem.retry_after_ms ? `${m.err_bad_credentials()} ${m.err_wait({ wait: waitWord(problem) })}` : m.err_bad_credentials();
    case 'code_needed':
      return m.err_code_needed();
    case 'locked':
      return m.err_locked({ wait: waitWord(problem) });
    case 'rate_limited':
      return m.err_rate_limited({ wait: waitWord(problem) });
    case 'second_person':
      return m.err_second_person();
    case 'forbidden':
      return m.err_forbidden();
    case 'not_found':
      return m.err_not_found();
    case 'conflict':
      return m.err_conflict({ detail: plainly(problem.detail ?? '') });
    case 'changed':
      return m.err_changed({ who: problem.by_name || m.somebody(), time: timeOf(problem, site) });
    case 'bad_field':
      return m.err_bad_field({ detail: fieldWord(problem) });
    case 'too_large':
      return m.err_too_large();
    case 'taken':
      return firstWord(problem, site);
    case 'wrong_state':
      return problem.by ? `${firstWord(problem, site)} ${m.err_look_again()}` : m.err_wrong_state();
    case 'must_change':
      return m.new_password_lead();
    case 'critical_waits':
      return m.err_critical_waits();
    case 'too_many':
      return m.err_too_many();
    case 'read_only':
      return m.err_read_only();
    case 'stopping':
      return m.err_stopping();
    case 'no_video':
      return m.err_no_video();
    case 'outside_incident':
      return m.err_outside_incident();
    case 'cross_origin':
      return m.err_cross_origin();
    case 'purpose_needed':
      return m.err_purpose_needed();
    case 'codec_unsupported':
      return m.err_codec({ codec: problem.detail ?? '' });
    default:
      return byStatus(err);
  }
}

function byStatus(err: Refusal): string {
  if (err.status === 401) return m.err_unauthorized();
  if (err.status === 403) return m.err_forbidden();
  if (err.status === 404) return m.err_not_found();
  if (err.status === 422 || err.status === 400) return m.err_bad_field({ detail: fieldWord(err.problem) });
  if (err.status >= 500) return m.err_server({ status: err.status });
  return m.err_other({ detail: err.problem.detail ?? err.problem.title ?? err.code });
}
