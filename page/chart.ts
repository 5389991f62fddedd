import type { Rates } from '../api/overview.ts';
import { areaPath, brokenPath, linePath, scaleTop } from './chart-path.ts';
import { h, s, setAttribute, setText, type Part } from './dom.ts';
import { rate } from './format.ts';

const SPAN_MS = 600_000;
const WIDTH = 600;

/** Requests per second as a filled line, failed ones as a broken line on top; what it shows is said in its label. */
export function sparkline(height: number): Part<Rates> {
  const base = s('path', { class: 'base', d: `M0 ${height}H${WIDTH}` });
  const area = s('path', { class: 'area' });
  const line = s('path');
  const failed = s('path', { class: 'failed' });
  const node = s(
    'svg',
    {
      class: 'chart',
      role: 'img',
      viewBox: `0 0 ${WIDTH} ${height}`,
      height: String(height),
      preserveAspectRatio: 'none',
    },
    base,
    area,
    line,
    failed,
  );
  return {
    node,
    show({ everyMs, perSecond, failedPerSecond }) {
      const slots = SPAN_MS / everyMs;
      const top = scaleTop(perSecond);
      const path = linePath(perSecond, slots, WIDTH, height, top);
      setAttribute(line, 'd', path);
      setAttribute(area, 'd', areaPath(path, perSecond.length, slots, WIDTH, height));
      const failedLine = linePath(failedPerSecond, slots, WIDTH, height, top);
      setAttribute(failed, 'd', brokenPath(failedPerSecond, failedLine));
      setAttribute(node, 'aria-label', described(perSecond, failedPerSecond));
    },
  };
}

/** A chart that stands alone, with its scale and its key. */
export function chart(): Part<Rates> {
  const top = h('span');
  const now = h('strong');
  const failing = h('strong');
  const curve = sparkline(120);
  const node = h(
    'div',
    { class: 'big' },
    h(
      'div',
      { class: 'key' },
      h('span', {}, keyLine(''), 'requests/s, now ', now),
      h('span', {}, keyLine('failed'), 'failed/s, now ', failing),
    ),
    h('div', { class: 'ends' }, top),
    curve.node,
    h('div', { class: 'ends' }, h('span', {}, '10 minutes ago'), h('span', {}, 'now')),
  );
  return {
    node,
    show(rates) {
      curve.show(rates);
      setText(top, `${rate(scaleTop(rates.perSecond))}/s`);
      setText(now, rate(rates.perSecond.at(-1) ?? 0));
      setText(failing, rate(rates.failedPerSecond.at(-1) ?? 0));
    },
  };
}

function keyLine(className: string): SVGElement {
  const attributes = className === '' ? { d: 'M0 5H26' } : { d: 'M0 5H26', class: className };
  return s('svg', { class: 'chart', viewBox: '0 0 26 10', 'aria-hidden': 'true' }, s('path', attributes));
}

function described(perSecond: readonly number[], failedPerSecond: readonly number[]): string {
  if (perSecond.length === 0) return 'Requests per second: nothing measured yet';
  const last = (values: readonly number[]): string => rate(values.at(-1) ?? 0);
  return `Requests per second over ten minutes: now ${last(perSecond)}, at most ${rate(Math.max(...perSecond))}; failed now ${last(failedPerSecond)}, at most ${rate(Math.max(...failedPerSecond))}`;
}
