// The rights of the site and how far each reaches, as people read them.
import * as m from '../paraglide/messages';

const RIGHT: Record<string, () => string> = {
  live_console: m.right_live_console,
  accept_alert: m.right_accept_alert,
  close_critical: m.right_close_critical,
  play_incident: m.right_play_incident,
  play_any: m.right_play_any,
  prepare_evidence: m.right_prepare_evidence,
  approve_evidence: m.right_approve_evidence,
  hold: m.right_hold,
  view_devices: m.right_view_devices,
  devices: m.right_devices,
  arm: m.right_arm,
  rules: m.right_rules,
  stand_alone: m.right_stand_alone,
  events: m.right_events,
  audit: m.right_audit,
  reports: m.right_reports,
  proofs: m.right_proofs,
  erase: m.right_erase,
  people: m.right_people,
  zones: m.right_zones,
  settings: m.right_settings,
};

const SCOPE: Record<string, () => string> = {
  read: m.scope_read,
  squad: m.scope_squad,
  siber: m.scope_siber,
  test: m.scope_test,
  propose: m.scope_propose,
  revoke: m.scope_revoke,
  posture: m.scope_posture,
  own: m.scope_own,
};

/** What a person may do, in the order of the matrix; `limit` is empty where the right is whole. */
export function rightsInWords(scopes: Record<string, string>): { right: string; word: string; limit: string }[] {
  return Object.entries(RIGHT)
    .filter(([right]) => scopes[right])
    .map(([right, word]) => ({ right, word: word(), limit: SCOPE[scopes[right] ?? '']?.() ?? '' }));
}
