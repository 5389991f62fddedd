import type { Overview, PoolRow, ProxyRow } from '../api/overview.ts';
import { sparkline } from './chart.ts';
import { h, KeyedParts, setAttribute, setText, type Part } from './dom.ts';
import { endpointListing, poolHref } from './endpoints.ts';
import { count, counted, rate, words } from './format.ts';
import { Listing } from './listing.ts';
import { stateBar, stateLegend } from './states.ts';
import { link, shown, Table, text } from './table.ts';
import type { View } from './view.ts';

/** Everything at a glance, then pools, endpoints and proxies, those in trouble first. */
export function overviewView(onChange: () => void): View<Overview> {
  let now = 0;
  const glance = glanceStrip();
  const faults = faultList();
  const pools = poolListing(onChange);
  const endpoints = endpointListing({ all: true, now: () => now, onChange });
  const proxies = proxyTable();
  const node = h(
    'div',
    {},
    h('h1', { class: 'unseen' }, 'Overview'),
    faults.node,
    glance.node,
    pools.node,
    endpoints.node,
    proxies.node,
  );
  return {
    node,
    url() {
      const query = new URLSearchParams();
      pools.addTo(query);
      endpoints.addTo(query);
      return `api/overview?${query.toString()}`;
    },
    show(overview) {
      now = overview.now;
      faults.show(overview.faults);
      glance.show(overview);
      pools.show(overview.pools);
      endpoints.show(overview.endpoints);
      proxies.show(overview);
    },
    title: ({ poolsInTrouble }) =>
      poolsInTrouble === 0 ? '' : `${counted(poolsInTrouble, 'pool')} in trouble`,
    news: ({ poolsInTrouble, faults }) =>
      [
        poolsInTrouble === 0
          ? 'Nothing needs attention.'
          : `${counted(poolsInTrouble, 'pool')} ${poolsInTrouble === 1 ? 'needs' : 'need'} attention.`,
        ...(faults.length === 0 ? [] : [`${counted(faults.length, 'fault')} in the manifests.`]),
      ].join(' '),
  };
}

function glanceStrip(): Part<Overview> {
  const pools = figure('Pools');
  const endpoints = figure('Endpoints');
  const proxies = figure('Proxies');
  const requests = figure('Requests per second');
  const bar = stateBar();
  const legend = stateLegend();
  const curve = sparkline(40);
  endpoints.tile.append(bar.node, legend.node);
  requests.tile.append(curve.node);
  const node = h(
    'section',
    { class: 'glance', 'aria-label': 'At a glance' },
    pools.tile,
    endpoints.tile,
    proxies.tile,
    requests.tile,
  );
  return {
    node,
    show({ states, rates, poolsInTrouble, poolsTotal, proxiesConnected, proxiesTotal }) {
      const total = states.Healthy + states.Unhealthy + states.Draining + states.Excluded;
      pools.show(
        count(poolsTotal),
        poolsInTrouble > 0 ? `${count(poolsInTrouble)} in trouble` : poolsTotal > 0 ? 'all well' : 'none yet',
        poolsInTrouble > 0,
      );
      endpoints.show(count(states.Healthy), total === 0 ? 'none yet' : `of ${count(total)} healthy`, false);
      bar.show(states);
      legend.show(states);
      proxies.show(
        count(proxiesConnected),
        proxiesTotal === 0 ? 'none yet' : `of ${count(proxiesTotal)} connected`,
        proxiesConnected < proxiesTotal,
      );
      const failed = rates.failedPerSecond.at(-1) ?? 0;
      requests.show(
        rate(rates.perSecond.at(-1) ?? 0),
        rates.perSecond.length === 0 ? 'not measured yet' : `${rate(failed)} failed`,
        failed > 0,
      );
      curve.show(rates);
    },
  };
}

function figure(title: string): {
  tile: HTMLElement;
  show(number: string, note: string, bad: boolean): void;
} {
  const number = document.createTextNode('');
  const note = h('small');
  const tile = h(
    'div',
    { class: 'tile' },
    h('h2', {}, title),
    h('p', { class: 'figure' }, number, ' ', note),
  );
  return {
    tile,
    show(value, said, bad) {
      setText(number, value);
      setText(note, said);
      setAttribute(note, 'class', bad ? 'bad' : '');
    },
  };
}

function faultList(): Part<readonly string[]> {
  const list = h('ul', { class: 'faults' });
  const lines = new KeyedParts<string>(
    list,
    (fault) => fault,
    () => {
      const node = h('li');
      return { node, show: (fault) => setText(node, fault) };
    },
  );
  const node = h(
    'section',
    { class: 'first', 'aria-labelledby': 'faults-title' },
    h(
      'div',
      { class: 'head' },
      h('h2', { id: 'faults-title' }, 'Faults in the manifests; what was good before goes on'),
    ),
    list,
  );
  return {
    node,
    show(faults) {
      node.hidden = faults.length === 0;
      lines.show([...new Set(faults)]);
    },
  };
}

function poolListing(onChange: () => void): Listing<PoolRow> {
  return new Listing<PoolRow>({
    name: 'pools',
    title: 'Pools',
    caption: 'Pools, those in trouble first',
    placeholder: 'Name, port, reason …',
    states: [
      ['', 'All'],
      ['trouble', 'In trouble'],
    ],
    keyOf: ({ name }) => name,
    inTrouble: ({ reason }) => reason !== '',
    columns: [
      link('Pool', ({ name }) => ({ text: name, href: poolHref(name) })),
      {
        head: 'State',
        make() {
          const node = h('span');
          return {
            node,
            show({ reason }) {
              setText(node, reason === '' ? 'ok' : words(reason));
              setAttribute(node, 'class', reason === '' ? 'soft' : 'bad');
            },
          };
        },
      },
      { head: 'Healthy', className: 'meter', make: healthMeter },
      text('Listeners', ({ listeners }) => listeners.join(', ')),
      text('Algorithm', ({ algorithm }) => algorithm, 'wide'),
      text('Proxies', ({ proxies }) => proxies, 'number'),
      text('Requests/s', ({ rates }) => rate(rates.perSecond.at(-1) ?? 0), 'number'),
      text('Failed/s', ({ rates }) => rate(rates.failedPerSecond.at(-1) ?? 0), 'number'),
      shown(
        'Ten minutes',
        () => sparkline(26),
        ({ rates }) => rates,
        'spark',
      ),
    ],
    empty: (isFiltered) =>
      isFiltered
        ? 'No pool is like that.'
        : 'There is no pool yet. Apply a LoadBalancerPool, and it shows here.',
    onChange,
  });
}

function healthMeter(): Part<PoolRow> {
  const share = h('span');
  const bar = stateBar();
  return {
    node: h('div', {}, share, bar.node),
    show({ states }) {
      const total = states.Healthy + states.Unhealthy + states.Draining + states.Excluded;
      setText(share, `${count(states.Healthy)}/${count(total)}`);
      bar.show(states);
    },
  };
}

function proxyTable(): Part<Overview> {
  const table = new Table<ProxyRow>({
    caption: 'Proxies',
    keyOf: ({ name }) => name,
    inTrouble: ({ connected, applied, expected }) => !connected || applied < expected,
    columns: [
      text('Proxy', ({ name }) => name),
      text('State', ({ connected }) => (connected ? 'connected' : 'away')),
      text('Pools applied', ({ applied, expected }) => `${count(applied)}/${count(expected)}`, 'number'),
      text('Behind in', ({ behind }) => behind.join(', ')),
      text('Version', ({ version }) => version),
      text('Node', ({ node }) => node, 'wide'),
      text('Zone', ({ zone }) => zone, 'wide'),
    ],
  });
  const empty = h('p', { class: 'empty' });
  const more = h('p', { class: 'empty' });
  const node = h(
    'section',
    { 'aria-labelledby': 'proxies-title' },
    h('div', { class: 'head' }, h('h2', { id: 'proxies-title' }, 'Proxies')),
    h('div', { class: 'sheet' }, table.node, empty, more),
  );
  return {
    node,
    show({ process, proxies: { items, total } }) {
      table.show(items);
      table.node.hidden = items.length === 0;
      empty.hidden = items.length > 0;
      setText(
        empty,
        process.leading === false
          ? 'No proxy is connected to this controller; another one leads.'
          : 'No proxy is connected.',
      );
      more.hidden = items.length === total;
      setText(more, `and ${count(total - items.length)} more, with nothing amiss`);
    },
  };
}
