import type { StateCounts } from '../api/overview.ts';
import type { EndpointState } from '../api/health.ts';
import { h, s, setAttribute, setText, type Part } from './dom.ts';
import { count } from './format.ts';

/** Each state has a shape and a word of its own; colour only repeats them. */
const SHAPES: Readonly<Record<EndpointState, string>> = {
  Unhealthy: 'M5 0l5 9.5H0z',
  Excluded: 'M.5 .5h9v9h-9z',
  Draining: 'M5 0a5 5 0 0 1 0 10z M5 1.2a3.8 3.8 0 0 0 0 7.6V10A5 5 0 0 1 5 0z',
  Healthy: 'M5 0a5 5 0 1 0 0 10A5 5 0 0 0 5 0',
};

const STATES = Object.keys(SHAPES) as EndpointState[];

export function stateMark(): Part<EndpointState> {
  const shape = s('path');
  const word = document.createTextNode('');
  const node = h('span', {}, s('svg', { viewBox: '0 0 10 10', 'aria-hidden': 'true' }, shape), word);
  return {
    node,
    show(state) {
      setAttribute(node, 'class', `state ${state}`);
      // A newer proxy may say what this page has no shape for: it is shown as a word.
      setAttribute(shape, 'd', SHAPES[state] ?? '');
      setText(word, state);
    },
  };
}

/** How many are in each state, as a bar; the words are beside it. */
export function stateBar(): Part<StateCounts> {
  const rects = STATES.map((state) => s('rect', { class: state, y: '0', height: '10' }));
  const node = s(
    'svg',
    { class: 'stack', viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    ...rects,
  );
  return {
    node,
    show(states) {
      const all = STATES.reduce((sum, state) => sum + states[state], 0);
      let x = 0;
      STATES.forEach((state, index) => {
        const width = all === 0 ? 0 : (100 * states[state]) / all;
        setAttribute(rects[index]!, 'x', x.toFixed(2));
        setAttribute(rects[index]!, 'width', width.toFixed(2));
        x += width;
      });
    },
  };
}

/** `2 Unhealthy, 1 Draining, 7 Healthy`, without those that nobody is in. */
export function stateLegend(): Part<StateCounts> {
  const entries = STATES.map((state) => {
    const mark = stateMark();
    mark.show(state);
    const number = document.createTextNode('');
    return { state, number, node: h('li', {}, mark.node, ' ', number) };
  });
  const node = h(
    'ul',
    { class: 'legend', 'aria-label': 'Endpoints by state' },
    ...entries.map((entry) => entry.node),
  );
  return {
    node,
    show(states) {
      for (const { state, number, node: entry } of entries) {
        entry.hidden = states[state] === 0;
        setText(number, count(states[state]));
      }
    },
  };
}
