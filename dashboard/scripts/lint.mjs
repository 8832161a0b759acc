// The laws of this folder that no other checker knows. Prints every breach as file:line and exits 1.
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse as parseSvelte } from 'svelte/compiler';
import ts from 'typescript';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const LONGEST_FILE = 400;

/** What each layer may import of ours. `paraglide` holds the generated messages. */
const LAYERS = {
  wire: [],
  data: ['wire'],
  state: ['data', 'wire', 'paraglide'],
  views: ['state', 'parts', 'data', 'paraglide'],
  parts: ['wire', 'paraglide'],
  fake: ['wire'],
};
/** Words on the screen that are the same in every language. */
const SAME_EVERYWHERE = new Set(['SIAGA', 'main', 'TCP', 'UDP', 'Mbit/s', 'fps', 'lalu']);

/** @param {string} source TypeScript; @returns breaches as {at, what} */
export function lintScript(source, file) {
  const found = [];
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const say = (node, what) => found.push({ at: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1, what });
  const visit = (node) => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) say(node, '`any`: say what it is, or `unknown` and look');
    const from = (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier;
    const lazy = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && node.arguments[0];
    const target = from || lazy;
    if (target && ts.isStringLiteral(target)) for (const what of layerBreaches(file, target.text)) say(node, what);
    if (ts.isIdentifier(node) && (node.text === 'fetch' || node.text === 'WebSocket') && !inLayer(file, 'data') && isGlobalUse(node)) say(node, `${node.text}: only src/data opens doors`);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  source.split('\n').forEach((line, i) => {
    if (/@ts-(ignore|nocheck|expect-error)/.test(line)) found.push({ at: i + 1, what: 'a silenced type error' });
    if (/['"`]https?:\/\//.test(line) && !line.includes('example')) found.push({ at: i + 1, what: 'an address outside: this page talks to its own site only' });
  });
  return found;
}

const layerOf = (file) => /(?:^|\/)src\/([a-z]+)\//.exec(file)?.[1] ?? '';
const inLayer = (file, layer) => layerOf(file) === layer || layerOf(file) === 'fake';

function isGlobalUse(node) {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return false;
  return ts.isCallExpression(parent) || ts.isNewExpression(parent);
}

function layerBreaches(file, spec) {
  const from = layerOf(file);
  if (from === '' || !(from in LAYERS)) return [];
  if (!spec.startsWith('.')) {
    const outside = spec.split('/')[0];
    return ['svelte'].includes(outside) ? [] : [`imports ${spec}: only svelte is taken from outside`];
  }
  const to = layerOf(join('/', dirname(file), spec) + '/');
  const wholly = layerOf(join('/', dirname(file), spec));
  const target = to || wholly;
  if (target === from || LAYERS[from].includes(target)) return [];
  return [`${from} may not import ${target || spec}`];
}

export function lintSvelte(source, file) {
  const found = [];
  const tree = parseSvelte(source, { modern: true, filename: file });
  const line = (at) => source.slice(0, at).split('\n').length;
  for (const script of [tree.instance, tree.module]) {
    if (!script) continue;
    const before = line(script.content.start) - 1;
    for (const one of lintScript(source.slice(script.content.start, script.content.end), file)) found.push({ at: one.at + before, what: one.what });
  }
  walk(tree.fragment, (node) => {
    if (node.type === 'Attribute' && node.name === 'style') found.push({ at: line(node.start), what: 'a style attribute: the content policy refuses it; use style:name' });
    if (node.type === 'HtmlTag') found.push({ at: line(node.start), what: '{@html}: nothing on this page is trusted as markup' });
    if (node.type === 'Text' && !node.inAttribute) {
      const words = node.data.replace(/&\w+;/g, ' ').match(/\p{L}{2,}(?:\/\p{L})?/gu) ?? [];
      for (const word of words) if (!SAME_EVERYWHERE.has(word)) found.push({ at: line(node.start), what: `"${word}" is not a message: put it into messages/` });
    }
  });
  return found;
}

function walk(node, see) {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) {
    for (const one of node) walk(one, see);
    return;
  }
  if (node.type === 'Attribute') {
    see(node);
    return;
  }
  if (typeof node.type === 'string') see(node);
  for (const [key, child] of Object.entries(node)) if (key !== 'parent' && key !== 'metadata') walk(child, see);
}

/** Browser specs: nothing sleeps, and nothing is asserted only sometimes. */
export function lintSpec(source, file) {
  const found = [];
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const say = (node, what) => found.push({ at: tree.getLineAndCharacterOfPosition(node.getStart()).line + 1, what });
  const visit = (node, inIf) => {
    if (ts.isCallExpression(node)) {
      const name = node.expression.getText(tree);
      if (/(^|\.)(waitForTimeout|setTimeout|sleep)$/.test(name)) say(node, `${name}: wait for what should happen, not for time to pass`);
      if (inIf && /^(assert|expect)\b/.test(name)) say(node, 'an assertion inside an if: it may never run');
    }
    if (ts.isPropertyAccessExpression(node) && ['skip', 'only', 'todo'].includes(node.name.text) && /^(test|it|describe|spec)$/.test(node.expression.getText(tree))) say(node, `.${node.name.text} leaves specs out`);
    const inside = inIf || ts.isIfStatement(node) || ts.isConditionalExpression(node) || ts.isCatchClause(node);
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(tree, false);
  return found;
}

function files(folder, wanted) {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath ?? entry.path, entry.name)))
    .filter((file) => !file.startsWith('src/paraglide'));
}

export function lintAll() {
  const breaches = [];
  const take = (list, lint) => {
    for (const file of list) {
      const source = readFileSync(join(root, file), 'utf8');
      for (const { at, what } of lint(source, file)) breaches.push(`${file}:${at}: ${what}`);
      const lines = source.split('\n').length;
      if (lines > LONGEST_FILE) breaches.push(`${file}:1: ${lines} lines; the limit is ${LONGEST_FILE}`);
    }
  };
  take(files('src', /\.ts$/), lintScript);
  take(files('tests', /\.ts$/), lintScript);
  take(files('src', /\.svelte$/), lintSvelte);
  take(files('e2e', /\.mjs$/), lintSpec);
  return breaches;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const breaches = lintAll();
  for (const breach of breaches) console.error(breach);
  console.log(breaches.length === 0 ? 'lint: the laws hold' : `lint: ${breaches.length} breaches`);
  process.exit(breaches.length === 0 ? 0 : 1);
}
