import type { BackendRow, ConditionRow, PoolDetail, PoolProxyRow } from '../api/overview.ts';
import { age } from '../lib/age.ts';
import { chart } from './chart.ts';
import { h, setAttribute, setText, type Part } from './dom.ts';
import { endpointListing } from './endpoints.ts';
import { count, shortDigest, words } from './format.ts';
import { stateBar, stateLegend } from './states.ts';
import { Table, text } from './table.ts';
import type { View } from './view.ts';

/** All about one pool, `namespace/name`. */
export function poolView(name: string, onChange: () => void): View<PoolDetail> {
  let now = 0;
  const reason = h('p');
  const facts = factList();
  const bar = stateBar();
  const legend = stateLegend();
  const curve = chart();
  const conditions = conditionTable(() => now);
  const backends = backendTable();
  const proxies = proxyTable();
  const endpoints = endpointListing({ all: false, now: () => now, onChange });
  const node = h(
    'div',
    {},
    h('p', { class: 'crumb' }, h('a', { href: '#/' }, '← All pools')),
    h('div', { class: 'title' }, h('h1', {}, name), reason),
    bar.node,
    legend.node,
    facts.node,
    titled('Requests', curve.node),
    titled('Conditions', sheet(conditions.node)),
    titled('Backends', sheet(backends.node)),
    titled('Proxies', sheet(proxies.node)),
    endpoints.node,
  );
  return {
    node,
    url() {
      const query = new URLSearchParams({ name });
      endpoints.addTo(query);
      return `api/pool?${query.toString()}`;
    },
    show(detail) {
      now = detail.now;
      const trouble = detail.pool.reason;
      setText(reason, trouble === '' ? 'ok' : words(trouble));
      setAttribute(reason, 'class', trouble === '' ? 'soft' : 'bad');
      bar.show(detail.pool.states);
      legend.show(detail.pool.states);
      facts.show(detail);
      curve.show(detail.pool.rates);
      conditions.show(detail.conditions);
      backends.show(detail.backends);
      proxies.show(detail.proxies);
      endpoints.show(detail.endpoints);
    },
    title: ({ pool }) => (pool.reason === '' ? pool.name : `${pool.name}: ${words(pool.reason)}`),
    news: ({ pool }) =>
      `${pool.name}: ${pool.reason === '' ? 'nothing needs attention' : words(pool.reason)}.`,
  };
}

function titled(title: string, ...content: readonly Node[]): HTMLElement {
  const id = `${title.toLowerCase()}-title`;
  return h(
    'section',
    { 'aria-labelledby': id },
    h('div', { class: 'head' }, h('h2', { id }, title)),
    ...content,
  );
}

function sheet(node: Node): HTMLElement {
  return h('div', { class: 'sheet' }, node);
}

function factList(): Part<PoolDetail> {
  const make = (term: string, className = ''): { node: HTMLElement; value: HTMLElement } => {
    const value = h('dd', { class: className });
    return { value, node: h('div', {}, h('dt', {}, term), value) };
  };
  const listeners = make('Listeners');
  const algorithm = make('Algorithm');
  const addresses = make('Addresses');
  const generation = make('Generation');
  const digest = make('Configuration', 'code');
  const lastError = make('Last error', 'bad');
  const all = [listeners, algorithm, addresses, generation, digest, lastError];
  return {
    node: h('dl', { class: 'facts' }, ...all.map(({ node }) => node)),
    show(detail) {
      setText(listeners.value, detail.pool.listeners.join(', '));
      setText(algorithm.value, detail.pool.algorithm);
      setText(addresses.value, detail.addresses.join(', '));
      setText(generation.value, `${count(detail.generation)}${detail.paused ? ', paused' : ''}`);
      setText(digest.value, shortDigest(detail.digest));
      setAttribute(digest.value, 'title', detail.digest);
      setText(lastError.value, detail.lastError);
      for (const { node, value } of all) node.hidden = value.textContent === '';
    },
  };
}

function conditionTable(now: () => number): Table<ConditionRow> {
  return new Table<ConditionRow>({
    caption: 'Conditions',
    keyOf: ({ type }) => type,
    inTrouble: ({ good }) => !good,
    columns: [
      text('Condition', ({ type }) => type),
      text('Status', ({ status, good }) => (good ? status : `${status} ⚠`), 'tight'),
      text('Reason', ({ reason }) => reason),
      text('Message', ({ message }) => message),
      text('For', ({ since }) => age(now() - since), 'number'),
    ],
  });
}

function backendTable(): Table<BackendRow> {
  return new Table<BackendRow>({
    caption: 'Backends',
    keyOf: ({ name }) => name,
    columns: [
      text('Backend', ({ name }) => name),
      text('Healthy', ({ healthy, total }) => `${count(healthy)}/${count(total)}`, 'number'),
      text('Share of the default traffic', ({ sharePercent }) => `${sharePercent} %`, 'number'),
    ],
  });
}

function proxyTable(): Table<PoolProxyRow> {
  return new Table<PoolProxyRow>({
    caption: 'Proxies and what they have applied of this pool',
    keyOf: ({ name }) => name,
    inTrouble: ({ connected, current }) => !connected || !current,
    columns: [
      text('Proxy', ({ name }) => name),
      text('State', ({ connected }) => (connected ? 'connected' : 'away')),
      text('Applied', ({ digest }) => (digest === '' ? 'nothing' : shortDigest(digest)), 'code'),
      text('Is that current?', ({ current }) => (current ? 'yes' : 'no')),
      text('Refused', ({ refused }) => refused),
    ],
  });
}
