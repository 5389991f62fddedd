import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import pino from 'pino';
import { runController } from '../../../controller/main.ts';
import type { ApiServerInfo } from './api-server.ts';
import { configFor } from './config.ts';

/** What crosses to the process, as its one argument. */
interface Setup {
  readonly info: ApiServerInfo;
  readonly namespace: string;
  readonly className: string;
  readonly grpcPort: number;
}

export interface ControllerProcess {
  readonly grpcPort: number;
  readonly child: ChildProcess;
  /** SIGKILL: nothing is released, nothing is said. */
  kill(): Promise<void>;
}

/** A controller in a process of its own, so that it can be killed. */
export async function spawnController(setup: Setup): Promise<ControllerProcess> {
  const child = spawn(process.execPath, [import.meta.filename, JSON.stringify(setup)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the controller did not start'))),
  ])) as [string];
  return {
    grpcPort: Number(line),
    child,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

async function main({ info, namespace, className, grpcPort }: Setup): Promise<void> {
  const controller = await runController({
    kubeconfig: configFor(info, info.adminToken, info.url, namespace),
    className,
    grpc: `127.0.0.1:${grpcPort}`,
    admin: { admin: '127.0.0.1:0' },
    deniedCidrs: [],
    leaseTiming: { leaseMs: 2_000, renewDeadlineMs: 1_000, retryMs: 200 },
    log: pino({ level: process.env['TEST_LOG'] ?? 'silent' }),
  });
  process.stdout.write(`${controller.grpcPort}\n`);
}

if (process.argv[1] === import.meta.filename) await main(JSON.parse(process.argv[2]!) as Setup);
