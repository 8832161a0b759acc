// src/wire is written by hand, small and with comments; this holds it to the description that the program generates.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

interface Schema {
  properties?: Record<string, Schema>;
  type?: string | string[];
  enum?: unknown[];
  $ref?: string;
  items?: Schema;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
}

const { components } = JSON.parse(readFileSync('../docs/ref/openapi.json', 'utf8')) as { components: { schemas: Record<string, Schema> } };

/** Our word for each schema of the program. */
const SAME: Record<string, string> = {
  Site: 'Site', Standby: 'Standby', Setup: 'Setup', Session: 'Session', PersonRecord: 'Person', AddedPerson: 'Added', OpenSession: 'OpenSession', Factor: 'Factor', Named: 'Named', Zone: 'Zone', StreamState: 'StreamState', DeviceState: 'DeviceState',
  DeviceStream: 'Stream', Device: 'Device', DeviceInfo: 'DeviceInfo', MqttCredential: 'MQTT', DeviceDraft: 'NewDevice', DeviceChange: 'DeviceChange', Probe: 'ProbeResult', ProbedStream: 'ProbedStream',
  ZoneDraft: 'NewZone', ZoneChange: 'ZoneChange', Setting: 'Setting', SettingChange: 'SettingChange',
  Driver: 'Driver', Hint: 'PathHint', Alert: 'Alert', Incident: 'IncidentDetail', Act: 'IncidentAct', Event: 'Event', Segment: 'Segment', Gap: 'Gap', Problem: 'Problem', FloorPlan: 'FloorPlan', Anchor: 'Anchor', PlanSpot: 'Plan', Words: 'Words',
  Report: 'Report', WrittenReport: 'IncidentReport', Reference: 'Reference', KeptReference: 'IncidentPointer', Story: 'Story', Summary: 'Summary', Tally: 'Tally', Bucket: 'Bucket', Waits: 'Waits',
  Rule: 'Rule', Contact: 'Contact', Watched: 'Watched', Earth: 'Position',
};

function fieldsOf(schema: Schema | undefined): Record<string, Schema> {
  if (schema === undefined) return {};
  if (schema.$ref !== undefined) return fieldsOf(components.schemas[schema.$ref.split('/').pop() ?? '']);
  return Object.assign({}, ...(schema.allOf ?? []).map(fieldsOf), schema.properties) as Record<string, Schema>;
}

const tree = ts.createSourceFile('wire', readdirSync('src/wire').map((file) => readFileSync(join('src/wire', file), 'utf8')).join('\n'), ts.ScriptTarget.Latest, true);
const interfaces = new Map<string, ts.InterfaceDeclaration>();
tree.forEachChild((node) => {
  if (ts.isInterfaceDeclaration(node)) interfaces.set(node.name.text, node);
});

function ownFields(name: string): string[] {
  const node = interfaces.get(name);
  if (node === undefined) return [];
  const above = (node.heritageClauses ?? []).flatMap((clause) => clause.types.flatMap((type) => ownFields(type.expression.getText())));
  return [...above, ...node.members.map((member) => member.name?.getText() ?? '')];
}

/** Enumerations that both sides spell out. */
function wordsOf(name: string): string[] {
  const words: string[] = [];
  tree.forEachChild((node) => {
    if (!ts.isTypeAliasDeclaration(node) || node.name.text !== name) return;
    node.type.forEachChild((member) => {
      if (ts.isLiteralTypeNode(member) && ts.isStringLiteral(member.literal)) words.push(member.literal.text);
    });
  });
  return words;
}

describe('the wire', () => {
  it.each(Object.entries(SAME))('%s has no field that the program does not send', (ours, theirs) => {
    const sent = Object.keys(fieldsOf(components.schemas[theirs]));
    expect(sent.length).toBeGreaterThan(0);
    expect(ownFields(ours).length).toBeGreaterThan(0);
    expect(ownFields(ours).filter((field) => !sent.includes(field))).toEqual([]);
  });

  it('knows every role that the program knows', () => {
    const { role } = fieldsOf(components.schemas['Person']);
    const known = role?.enum ?? [];
    expect(wordsOf('Role').length).toBe(8);
    for (const word of known) expect(wordsOf('Role')).toContain(word);
  });
});
