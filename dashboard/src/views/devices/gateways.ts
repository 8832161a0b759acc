// What each kind of MQTT gateway is told: what we ask for, and what the technician types into it.
import type { Config, MqttCredential } from '../../data';
import * as m from '../../paraglide/messages';

export interface GatewayForm {
  topic: string;
  serial: string;
  aircraft: string;
}

export const GATEWAYS = ['mmdvm', 'dji', 'zigbee2mqtt'] as const;
export type Gateway = (typeof GATEWAYS)[number];

export const isGateway = (driver: string): driver is Gateway => GATEWAYS.some((one) => one === driver);

/** What can stand behind each. */
export const BEHIND: Record<Gateway, readonly string[]> = {
  mmdvm: ['radio'],
  dji: ['aircraft'],
  zigbee2mqtt: ['contact', 'motion', 'smoke', 'leak', 'power', 'sensor'],
};

export function gatewayConfig(kind: Gateway, form: GatewayForm): Config {
  if (kind !== 'dji') return { topic: form.topic.trim() };
  const aircraft = form.aircraft.split(/\s+/).filter(Boolean);
  return { gateway_sn: form.serial.trim(), ...(aircraft.length > 0 ? { aircraft } : {}) };
}

/** The broker's address as a gateway reaches it: a program that only knows itself by 127.0.0.1 is where this page came from. */
export function brokerAt(server: string, pageHost: string): { host: string; port: string } {
  const [, host = '', port = '1883'] = /^[a-z]+:\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?/i.exec(server) ?? [];
  const nowhere = host === '' || host === '0.0.0.0' || host === '[::]' || host === '127.0.0.1' || host === 'localhost';
  return { host: nowhere ? pageHost : host, port };
}

/** The lines to type in, as the gateway's own file writes them. */
export function typeIn(kind: string, config: Config, secret: MqttCredential, at: { host: string; port: string }): string {
  const topic = typeof config['topic'] === 'string' ? config['topic'] : '';
  switch (kind) {
    case 'mmdvm':
      return ['[MQTT]', `Host=${at.host}`, `Port=${at.port}`, 'Auth=1', `Username=${secret.user}`, `Password=${secret.password}`, 'Keepalive=60', `Name=${topic}`].join('\n');
    case 'zigbee2mqtt':
      return ['mqtt:', `  base_topic: ${topic}`, `  server: mqtt://${at.host}:${at.port}`, `  user: ${secret.user}`, `  password: ${secret.password}`].join('\n');
    default:
      return [`${m.gateway_server()}: ${at.host}`, `${m.gateway_port()}: ${at.port}`, `${m.credential_user()}: ${secret.user}`, `${m.password()}: ${secret.password}`].join('\n');
  }
}
