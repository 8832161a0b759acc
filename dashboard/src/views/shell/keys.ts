// The keyboard map: what each view does with which key. tests/keys.test.ts holds it to the views.
import * as m from '../../paraglide/messages';
import type { Route } from '../../state/route.svelte';

export interface KeyRow {
  keys: readonly string[];
  does: () => string;
  /** The keys are the ends of a range, not two ways to do the same. */
  range?: boolean;
}

const SEARCH: KeyRow = { keys: ['/'], does: m.keys_search };
const DEEDS: readonly KeyRow[] = [
  { keys: ['Space', 'T'], does: m.keys_accept },
  { keys: ['R'], does: m.keys_respond },
  { keys: ['E'], does: m.keys_escalate },
  { keys: ['S'], does: m.keys_resolve },
  { keys: ['A'], does: m.keys_false_alarm },
  { keys: ['N'], does: m.keys_note },
];
const WALL: readonly KeyRow[] = [
  { keys: ['G'], does: m.keys_grid },
  { keys: ['[', ']'], does: m.keys_page },
  { keys: ['1', '9'], does: m.keys_tile, range: true },
  { keys: ['F'], does: m.keys_full },
  { keys: ['Esc'], does: m.keys_usual },
];

const PLAYBACK: readonly KeyRow[] = [
  { keys: ['K'], does: m.keys_play },
  { keys: ['J', 'L'], does: m.keys_seek },
];

export const KEYS: Record<Route['view'], readonly KeyRow[]> = {
  console: [
    ...DEEDS,
    { keys: ['↑', '↓'], does: m.keys_choose },
    { keys: ['Enter'], does: m.keys_open },
    { keys: ['M'], does: m.keys_mute },
    ...WALL,
    { keys: ['W'], does: m.keys_window },
    { keys: ['O'], does: m.keys_handover },
    { keys: ['P'], does: m.keys_plan },
    { keys: ['H'], does: m.keys_radio },
    { keys: ['D'], does: m.keys_drone },
  ],
  wall: WALL,
  incidents: [SEARCH],
  incident: PLAYBACK,
  print: [],
  footage: PLAYBACK,
  devices: [SEARCH],
  device: [],
  'add-camera': [],
  'add-gateway': [],
  import: [],
  zones: [{ keys: ['↑', '↓'], does: m.keys_choose }],
  plan: [
    { keys: ['←', '→', '↑', '↓'], does: m.plan_key_arrows },
    { keys: ['[', ']'], does: m.plan_key_turn },
    { keys: [',', '.'], does: m.plan_key_fov },
    { keys: ['-', '+'], does: m.plan_key_range },
    { keys: ['Del'], does: m.plan_key_off },
    { keys: ['Ctrl+Z', 'Ctrl+Y'], does: m.plan_key_undo },
    { keys: ['Ctrl+S'], does: m.plan_key_save },
  ],
  settings: [],
  people: [],
  account: [],
  style: [],
  nowhere: [],
};

export const EVERYWHERE: readonly KeyRow[] = [
  { keys: ['Tab', 'Shift+Tab'], does: m.keys_next },
  { keys: ['Enter', 'Space'], does: m.keys_press },
  { keys: ['Esc'], does: m.keys_close },
  { keys: ['?'], does: m.keys_help },
];
