import type { ImportReport } from '../wire';
import { BASE, send, toQuery } from './http';

export type DocumentFormat = 'yaml' | 'json' | 'csv';

const TYPES: Record<DocumentFormat, string> = { yaml: 'application/yaml', json: 'application/json', csv: 'text/csv' };

/**
 * Brings zones and devices to what a document says: all of it or nothing. A dry run changes nothing and answers with
 * every problem; without it problems are an error.
 */
export async function importSite(text: string, format: DocumentFormat, how: { dryRun: boolean; reason?: string }): Promise<ImportReport> {
  const query = toQuery({ dry_run: how.dryRun ? 'true' : '', reason: how.reason ?? '' });
  const init = { method: 'POST', body: text, headers: { 'Content-Type': TYPES[format] } };
  return (await send(`${BASE}/devices/import${query}`, init, 120_000)).json() as Promise<ImportReport>;
}

/** Zones and devices as a document that import takes, without secrets. */
export async function exportSite(): Promise<string> {
  return (await send(`${BASE}/devices/export`, {}, 60_000)).text();
}

/** Where a browser saves the export from. */
export const EXPORT_PATH = `${BASE}/devices/export`;
