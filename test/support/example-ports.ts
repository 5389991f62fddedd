import type { ExamplePorts } from './example-servers.ts';
import { freePorts } from './free-ports.ts';

/** What each demo server listens on: one of these and its number. */
const SERVERS: ExamplePorts = { http: 9000, tcp: 9010, udp: 9020, grpc: 9030, https: 9040 };
/** What the examples listen on, and the demo servers behind them. */
const PORTS = [
  ...Array.from({ length: 20 }, (_, index) => 8080 + index),
  8442,
  8443,
  8445,
  8446,
  ...[1, 2, 3].flatMap((number) => Object.values(SERVERS).map((base) => base + number)),
];

/** Ports of a test's own, in place of those that stand in the examples. */
export class MovedPorts {
  readonly #moved: ReadonlyMap<number, number>;

  private constructor(moved: ReadonlyMap<number, number>) {
    this.#moved = moved;
  }

  /** @param more further ports that texts may have */
  static async find(...more: readonly number[]): Promise<MovedPorts> {
    const wanted = [...PORTS, ...more];
    const free = await freePorts(wanted.length);
    return new MovedPorts(new Map(wanted.map((port, index) => [port, free[index]!])));
  }

  of(port: number): number {
    const moved = this.#moved.get(port);
    if (moved === undefined) throw new Error(`no example has port ${port}`);
    return moved;
  }

  /** Of the demo server with this number. */
  ofServer(number: number): ExamplePorts {
    const { http, tcp, udp, grpc, https } = SERVERS;
    const at = (base: number): number => this.of(base + number);
    return { http: at(http), tcp: at(tcp), udp: at(udp), grpc: at(grpc), https: at(https) };
  }

  /** An example or a command, with the ports moved. */
  in(text: string): string {
    return text.replaceAll(/\b\d{4}\b/g, (port) => String(this.#moved.get(Number(port)) ?? port));
  }
}
