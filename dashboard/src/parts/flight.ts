// What a drone does, in the words of people.
import * as m from '../paraglide/messages';

const MODE: Record<string, () => string> = {
  standby: m.drone_mode_standby,
  takeoff_preparation: m.drone_mode_takeoff,
  takeoff_ready: m.drone_mode_takeoff,
  manual: m.drone_mode_manual,
  auto_takeoff: m.drone_mode_auto_takeoff,
  wayline: m.drone_mode_wayline,
  return_home: m.drone_mode_return_home,
  auto_landing: m.drone_mode_auto_landing,
  forced_landing: m.drone_mode_forced_landing,
  three_propeller_landing: m.drone_mode_forced_landing,
  not_connected: m.drone_mode_not_connected,
  live_flight_control: m.drone_mode_live,
  virtual_stick: m.drone_mode_live,
  adsb_avoidance: m.drone_mode_avoid,
};

const TASK: Record<string, () => string> = {
  sent: m.task_sent,
  in_progress: m.task_in_progress,
  ok: m.task_ok,
  failed: m.task_failed,
  canceled: m.task_canceled,
  paused: m.task_paused,
  rejected: m.task_rejected,
  timeout: m.task_timeout,
  partially_done: m.task_partially_done,
};

/** A mode without words, as drones get with new firmware, shows its own name. */
export const modeWord = (mode: string): string => MODE[mode]?.() ?? mode.replaceAll('_', ' ');

export const taskWord = (status: string): string => TASK[status]?.() ?? status.replaceAll('_', ' ');
