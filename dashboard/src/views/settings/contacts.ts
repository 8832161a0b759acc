/** A row of the table of contacts. */
export interface ContactRow {
  who: string;
  name: string;
  phone: string;
  radio: string;
}

/** The contacts of a setting's value; none when it holds something else. */
export function contactsOf(value: string): ContactRow[] {
  let list: unknown;
  try {
    list = JSON.parse(value);
  } catch {
    return [];
  }
  if (!Array.isArray(list)) return [];
  return list.map((one: unknown) => {
    const of = (typeof one === 'object' && one !== null ? one : {}) as Record<string, unknown>;
    const text = (key: string): string => (typeof of[key] === 'string' ? of[key] : '');
    return { who: text('who'), name: text('name'), phone: text('phone'), radio: text('radio') };
  });
}
