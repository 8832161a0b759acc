interface Breach {
  at: number;
  what: string;
}
export function lintAll(): string[];
export function lintScript(source: string, file: string): Breach[];
export function lintSvelte(source: string, file: string): Breach[];
export function lintSpec(source: string, file: string): Breach[];
