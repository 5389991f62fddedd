import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { eventually } from '../eventually.ts';
import { freePorts } from '../free-ports.ts';
import { ScriptedBackend } from '../http/backend.ts';
import { UdpBackend } from '../udp.ts';
import { poolManifest } from './manifests.ts';
import { ProxyProcess } from './proxy-process.ts';

/** Enough for every client that is meant to stay, and not for a flood. */
const MAX_FILES = 10_000;
const BACKENDS = 4;
/** These stay in the pool throughout; the others come and go. */
const STEADY = 2;
/** Datagrams of one client that may be on their way. */
const WINDOW = 4;
/** What was not answered by then was lost, and is asked again. */
const LOST_MS = 2_000;
/** Made-up clients that are made before anything else has its turn. */
const FLOOD_STEP = 50;

export interface StickinessRun {
  readonly answered: number;
  /** Datagrams that came to an endpoint of another flow, and answers that came to another client. */
  readonly misled: number;
  readonly lost: number;
  /** How often the set of endpoints changed meanwhile. */
  readonly changes: number;
}

export interface FloodRun {
  /** Clients that were talking before, and how many of them kept their flow. */
  readonly live: number;
  readonly kept: number;
  /** Flows open at most. */
  readonly flows: number;
  readonly grownKiB: number;
  /** Requests on an HTTP port of the same proxy meanwhile, and how many failed. */
  readonly requests: number;
  readonly failed: number;
  readonly seconds: number;
}

/** A proxy process with a UDP port in front of backends that say to whom they answer, and an HTTP port beside it. */
export class UdpBench {
  readonly #proxy: ProxyProcess;
  readonly #port: number;
  readonly #httpPort: number;
  readonly #http: ScriptedBackend;
  readonly #backends: readonly UdpBackend[];
  readonly #clients: Client[] = [];

  private constructor(
    proxy: ProxyProcess,
    ports: readonly number[],
    http: ScriptedBackend,
    backends: readonly UdpBackend[],
  ) {
    this.#proxy = proxy;
    [this.#port, this.#httpPort] = ports as [number, number];
    this.#http = http;
    this.#backends = backends;
  }

  static async start(): Promise<UdpBench> {
    const [http, ports] = await Promise.all([ScriptedBackend.start(), freePorts(2)]);
    const backends = Array.from({ length: BACKENDS }, () => UdpBackend.bind(answer));
    const proxy = await ProxyProcess.start({
      manifests: manifests(ports, http.port, backends.slice(0, STEADY)),
      maxFiles: MAX_FILES,
    });
    return new UdpBench(proxy, ports, http, backends);
  }

  /** So many clients ask so many questions between them, while endpoints that are not theirs come and go. */
  async stickiness(clients: number, datagrams: number): Promise<StickinessRun> {
    const talkers = await this.#talkers(clients);
    let changes = 0;
    const over = new AbortController();
    const changing = (async () => {
      while (!over.signal.aborted) {
        changes += 1;
        const extra = this.#backends.slice(STEADY + (changes % 2), STEADY + 1 + (changes % 3));
        await this.#proxy.rewrite(
          manifests([this.#port, this.#httpPort], this.#http.port, [
            ...this.#backends.slice(0, STEADY),
            ...extra,
          ]),
        );
        for (const { heard } of this.#backends) heard.length = 0;
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
    })();
    await Promise.all(talkers.map((talker) => talker.talk(Math.ceil(datagrams / clients))));
    over.abort();
    await changing;
    return {
      answered: sum(talkers, ({ answered }) => answered),
      misled: sum(talkers, ({ misled }) => misled),
      lost: sum(talkers, ({ lost }) => lost),
      changes,
    };
  }

  /** One datagram from each of so many made-up clients, while `live` others talk and an HTTP port is used. */
  async flood(live: number, strangers: number): Promise<FloodRun> {
    const talkers = await this.#talkers(live);
    const before = this.#proxy.memoryKiB;
    let [grownKiB, flows, requests, failed] = [0, 0, 0, 0];
    const over = new AbortController();
    const watching = (async () => {
      while (!over.signal.aborted) {
        for (const talker of talkers) talker.ask();
        requests += 1;
        const isServed = await fetch(`http://127.0.0.1:${this.#httpPort}/`, {
          signal: AbortSignal.timeout(5_000),
          headers: { connection: 'close' },
        }).then(
          ({ ok }) => ok,
          () => false,
        );
        if (!isServed) failed += 1;
        grownKiB = Math.max(grownKiB, this.#proxy.memoryKiB - before);
        flows = Math.max(flows, await this.#flows());
        for (const { heard } of this.#backends) heard.length = 0;
        await new Promise((resolve) => setTimeout(resolve, 200));
      }
    })();
    const began = performance.now();
    for (let i = 0; i < strangers; i++) {
      knock(this.#port, `127.${1 + (i >> 14)}.${(i >> 7) & 127}.${1 + (i & 127)}`);
      if (i % FLOOD_STEP === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const seconds = (performance.now() - began) / 1_000;
    over.abort();
    await watching;
    await Promise.all(talkers.map((talker) => talker.hears()));
    const kept = talkers.filter(({ misled }) => misled === 0).length;
    return { live, kept, flows, grownKiB, requests, failed, seconds };
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.#proxy.close();
    await Promise.all([...this.#backends, this.#http].map((one) => one.close()));
  }

  async #talkers(count: number): Promise<Client[]> {
    const talkers = Array.from({ length: count }, (_, index) => new Client(`c${index}`, this.#port));
    this.#clients.push(...talkers);
    // Twice: a client that answers an answer is one that the proxy knows to be there.
    for (let round = 0; round < 2; round++) await Promise.all(talkers.map((talker) => talker.hears()));
    return talkers;
  }

  async #flows(): Promise<number> {
    return sum((await this.#proxy.load()).workers, ({ connections }) => connections);
  }
}

/** `NAME` is answered with `NAME BACKEND FLOW`: its own port, and the one that the proxy uses for this flow. */
function answer(bytes: Buffer, from: RemoteInfo, socket: Socket): void {
  socket.send(`${bytes.toString('latin1')} ${socket.address().port} ${from.port}`, from.port, from.address);
}

/** A client that has a flow, and notices when it is another's. */
class Client {
  answered = 0;
  misled = 0;
  lost = 0;
  readonly #name: string;
  readonly #socket: Socket;
  #flow = '';
  #onAnswer = (): void => {};

  constructor(name: string, port: number) {
    this.#name = name;
    this.#socket = createSocket('udp4');
    this.#socket.connectSync(port, '127.0.0.1');
    this.#socket.on('message', (bytes) => this.#heard(bytes.toString('latin1')));
    this.#socket.on('error', () => {});
  }

  ask(): void {
    this.#socket.send(this.#name);
  }

  /** Asks until it is answered. */
  async hears(): Promise<void> {
    const { answered } = this;
    await eventually('an answer', () => {
      if (this.answered === answered) this.ask();
      return this.answered > answered;
    });
  }

  /** Asks so many times, a few at once. */
  talk(times: number): Promise<void> {
    const end = this.answered + times;
    return new Promise((resolve) => {
      let late: NodeJS.Timeout;
      const wait = (): void => {
        clearTimeout(late);
        late = setTimeout(() => {
          this.lost += WINDOW;
          for (let i = 0; i < WINDOW; i++) this.ask();
          wait();
        }, LOST_MS);
      };
      this.#onAnswer = () => {
        if (this.answered >= end) {
          clearTimeout(late);
          this.#onAnswer = () => {};
          resolve();
          return;
        }
        this.ask();
        late.refresh();
      };
      for (let i = 0; i < WINDOW; i++) this.ask();
      wait();
    });
  }

  close(): void {
    this.#socket.close();
  }

  #heard(text: string): void {
    const [name, ...flow] = text.split(' ');
    const way = flow.join(' ');
    if (this.#flow === '') this.#flow = way;
    if (name !== this.#name || way !== this.#flow) this.misled += 1;
    this.answered += 1;
    this.#onAnswer();
  }
}

/** One datagram from a port of its own of this address. */
function knock(port: number, address: string): void {
  const socket = createSocket('udp4');
  socket.bindSync({ address, port: 0 });
  socket.send('stranger', port, '127.0.0.1', () => socket.close());
}

function manifests(ports: readonly number[], http: number, backends: readonly UdpBackend[]): string {
  const endpoints = backends.map(({ port }) => `{address: 127.0.0.1, port: ${port}}`).join(', ');
  return `${poolManifest('http', 'HTTP', { listen: ports[1]!, backend: http })}---
apiVersion: evenkeel.dev/v1alpha1
kind: LoadBalancerPool
metadata: {name: udp}
spec:
  listeners: [{name: in, protocol: UDP, port: ${ports[0]}}]
  backends: [{name: v1, type: Static, static: {endpoints: [${endpoints}]}}]
  defaultBackendRefs: [{name: v1}]
`;
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}
