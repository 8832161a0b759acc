import { describe, expect, it } from 'vitest';
import { brokerAt, gatewayConfig, typeIn } from '../src/views/devices/gateways';

describe('a gateway', () => {
  it.each([
    ['tcp://127.0.0.1:1883', { host: 'siaga.lan', port: '1883' }],
    ['tcp://0.0.0.0:2883', { host: 'siaga.lan', port: '2883' }],
    ['ssl://mqtt.kpu.lan:8883', { host: 'mqtt.kpu.lan', port: '8883' }],
    ['', { host: 'siaga.lan', port: '1883' }],
  ])('reaches the broker %j', (server, at) => {
    expect(brokerAt(server, 'siaga.lan')).toEqual(at);
  });

  it('gets the lines of its own file', () => {
    const secret = { user: 'ht-2', password: 's3cret' };
    const at = { host: '10.7.1.2', port: '1883' };
    expect(typeIn('mmdvm', { topic: 'ht-2' }, secret, at)).toContain('Username=ht-2\nPassword=s3cret\nKeepalive=60\nName=ht-2');
    expect(typeIn('zigbee2mqtt', { topic: 'zb' }, secret, at)).toContain('  base_topic: zb\n  server: mqtt://10.7.1.2:1883');
  });

  it('has a config of its kind', () => {
    const form = { topic: ' ht ', serial: ' 7C ', aircraft: 'A\n B\n' };
    expect(gatewayConfig('mmdvm', form)).toEqual({ topic: 'ht' });
    expect(gatewayConfig('dji', form)).toEqual({ gateway_sn: '7C', aircraft: ['A', 'B'] });
  });
});
