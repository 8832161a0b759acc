import { gzipSync } from 'node:zlib';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

/** What the first view may cost: all scripts that index.html loads, gzipped. */
const FIRST_VIEW_LIMIT = 200_000;

/** Prints the gzipped size of the scripts of the first view, and fails the build when they are too heavy. */
function firstViewBudget(): Plugin {
  return {
    name: 'first-view-budget',
    apply: 'build',
    generateBundle(_options, bundle) {
      const first = new Set<string>();
      const add = (name: string): void => {
        const chunk = bundle[name];
        if (first.has(name) || chunk === undefined || chunk.type !== 'chunk') return;
        first.add(name);
        chunk.imports.forEach(add);
      };
      for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk' && chunk.isEntry) add(chunk.fileName);
      let bytes = 0;
      for (const name of first) {
        const chunk = bundle[name];
        if (chunk !== undefined && chunk.type === 'chunk') bytes += gzipSync(chunk.code, { level: 9 }).length;
      }
      this.info(`first view: ${(bytes / 1000).toFixed(1)} kB of script gzipped (limit ${FIRST_VIEW_LIMIT / 1000} kB)`);
      if (bytes > FIRST_VIEW_LIMIT) this.error('the first view is too heavy: load a view lazily or drop a library');
    },
  };
}

export default defineConfig(({ mode }) => ({
  plugins: [svelte(), firstViewBudget()],
  build: {
    outDir: mode === 'fake' ? 'dist-fake' : 'dist',
    target: 'es2022',
    // A picture or font inlined as a data: address would be refused by the content policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { host: '127.0.0.1', port: 5173, strictPort: false },
  preview: { host: '127.0.0.1', port: 4173, strictPort: false },
  // The stores are tested as the browser runs them.
  ...(process.env['VITEST'] === undefined ? {} : { resolve: { conditions: ['browser'] } }),
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
}));
