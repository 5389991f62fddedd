/** The status page: which view is shown, and what is asked when. It only ever asks; there is nothing to change here. */
import type { Overview, PoolDetail } from '../api/overview.ts';
import { byId, h, setAttribute, setText } from './dom.ts';
import { overviewView } from './overview.ts';
import { poolView } from './pool.ts';
import type { View } from './view.ts';

const EVERY_MS = 2_000;
/** A process that is this slow is asked less often. */
const REST_FACTOR = 10;
const TIMEOUT_MS = 10_000;

type AnyAnswer = Overview | PoolDetail;

const main = byId('main');
const pause = byId('pause');
const overview = overviewView(() => ask());
let view: View<AnyAnswer> | undefined;
let isPaused = false;
let timer: ReturnType<typeof setTimeout> | undefined;
/** Rises with every question: an answer to an older one is not shown. */
let question = 0;
let said = '';

/** Asks now, and then again and again while somebody looks. */
function ask(): void {
  clearTimeout(timer);
  question += 1;
  void refresh(question);
}

async function refresh(mine: number): Promise<void> {
  if (view === undefined) return;
  const startedAt = performance.now();
  try {
    const response = await fetch(view.url(), { signal: AbortSignal.timeout(TIMEOUT_MS), cache: 'no-store' });
    const answer = response.ok ? ((await response.json()) as AnyAnswer) : undefined;
    if (mine !== question) return;
    if (answer === undefined) tellGone(response.status);
    else tell(view, answer);
  } catch {
    if (mine !== question) return;
    setLink('lost', 'No answer, trying again');
  }
  if (isPaused || document.hidden) return;
  timer = setTimeout(ask, Math.max(EVERY_MS, REST_FACTOR * (performance.now() - startedAt)));
}

function tell(shown: View<AnyAnswer>, answer: AnyAnswer): void {
  shown.show(answer);
  if (shown.node.parentNode === null) main.replaceChildren(shown.node);
  const { role, version, className, leading } = answer.process;
  const facts = [
    role,
    ...(className === undefined ? [] : [`class ${className}`]),
    ...(leading === undefined ? [] : [leading ? 'leading' : 'standing by']),
    version,
  ];
  setText(byId('who'), facts.join(' · '));
  setLink(isPaused ? 'paused' : 'live', isPaused ? 'Paused' : 'Live');
  setText(byId('time'), new Date(answer.now).toLocaleTimeString([], { hour12: false }));
  const title = shown.title(answer);
  document.title = title === '' ? 'Evenkeel' : `${title} – Evenkeel`;
  const news = shown.news(answer);
  if (news !== said) setText(byId('said'), news);
  said = news;
}

function tellGone(status: number): void {
  const text =
    status === 404 ? 'There is no such pool (any more).' : `The process answered with status ${status}.`;
  main.replaceChildren(
    h('p', { class: 'crumb' }, h('a', { href: '#/' }, '← All pools')),
    h('p', { class: 'note' }, text),
  );
}

function setLink(state: 'live' | 'paused' | 'lost', text: string): void {
  setAttribute(document.body, 'data-link', state);
  setText(byId('link'), text);
}

/** `#/pools/NAMESPACE/NAME`, or everything. */
function route(isFirst: boolean): void {
  const [, namespace, name] = /^#\/pools\/([^/]+)\/([^/]+)$/.exec(location.hash) ?? [];
  view =
    namespace === undefined || name === undefined
      ? overview
      : poolView(`${decoded(namespace)}/${decoded(name)}`, ask);
  if (!isFirst) {
    // As on a new page: what is read and scrolled begins at its top.
    main.focus();
    window.scrollTo(0, 0);
  }
  ask();
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

pause.addEventListener('click', () => {
  isPaused = !isPaused;
  setAttribute(pause, 'aria-pressed', String(isPaused));
  if (isPaused) setLink('paused', 'Paused');
  ask();
});
byId('skip').addEventListener('click', (event) => {
  event.preventDefault(); // the fragment is the view's
  main.focus();
});
window.addEventListener('hashchange', () => route(false));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) ask();
});
route(true);
