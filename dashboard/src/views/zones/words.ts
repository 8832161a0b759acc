import * as m from '../../paraglide/messages';
import type { IconName } from '../../parts/icons';

const KINDS: Record<string, () => string> = {
  office: m.zk_office,
  perimeter: m.zk_perimeter,
  gate: m.zk_gate,
  post: m.zk_post,
  yard: m.zk_yard,
  lobby: m.zk_lobby,
  hall: m.zk_hall,
  server_room: m.zk_server_room,
  archive: m.zk_archive,
  store: m.zk_store,
  loading: m.zk_loading,
  door: m.zk_door,
  fence: m.zk_fence,
  air: m.zk_air,
  room: m.zk_room,
  other: m.zk_other,
};

export const ZONE_KINDS: readonly string[] = Object.keys(KINDS);

export const zoneKindWord = (kind: string): string => KINDS[kind]?.() ?? kind;

export type Switch = 'arm' | 'disarm' | 'lock' | 'unlock';

export const SWITCHES: Record<Switch, { word: () => string; hint: () => string; icon: IconName }> = {
  arm: { word: m.zone_arm, hint: m.zone_arm_hint, icon: 'shield' },
  disarm: { word: m.zone_disarm, hint: () => '', icon: 'off' },
  lock: { word: m.zone_lock, hint: m.zone_lock_hint, icon: 'key' },
  unlock: { word: m.zone_unlock, hint: m.zone_unlock_hint, icon: 'key' },
};
