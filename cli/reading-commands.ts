import type { Command } from 'commander';
import type { ExplainOptions } from './commands/explain.ts';
import type { GetOptions } from './commands/get.ts';
import {
  endpointName,
  flag,
  headerLine,
  httpUrl,
  ipAddress,
  listenAddress,
  option,
  type EndpointName,
} from './options.ts';
import { chooseSource, hasKubeconfig, openSource, type SourceWishes } from './sources/choose-source.ts';
import type { PoolSource } from './sources/pool-source.ts';

interface Scope {
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
}

/** Which of the two is asked. */
const SOURCE_RULE =
  'With --admin it asks a standalone process, with --kubeconfig or --context a cluster; an option counts before one in the environment. Without any of them: the cluster of KUBECONFIG, ~/.kube/config or the pod’s service account when there is one, else a standalone process at 127.0.0.1:9901.';

const NAMESPACE_RULE =
  'Without -n or -A: on a cluster the namespace of the kubeconfig’s context, on a standalone process all.';

/** `get`, `describe`, `explain`, `drain` and `top`: on a cluster or on a standalone process. */
export function addReadingCommands(program: Command): void {
  const get = reading(program, {
    name: 'get',
    summary: 'pools with their state',
    description: `Pools with their state; with a name also its endpoints. ${NAMESPACE_RULE}`,
  });
  scoped(get)
    .argument('[name]', 'name of a pool')
    .addOption(
      option('-o, --output <format>', 'how to print')
        .choices(['table', 'wide', 'json', 'yaml'])
        .default('table'),
    )
    .action(async (name: string | undefined, options: GetOptions & Scope, command: Command) => {
      const { get } = await import('./commands/get.ts');
      await using(command, (source) =>
        get(source, name, { output: options.output, namespace: scopeOf(source, options) }),
      );
    });

  const describe = reading(program, {
    name: 'describe',
    summary: 'all that the status of a pool says',
    description: `All that the status of a pool says: its conditions with their reasons, and every endpoint that it lists. ${NAMESPACE_RULE}`,
  });
  scoped(describe)
    .argument('[name]', 'name of a pool')
    .action(async (name: string | undefined, options: Scope, command: Command) => {
      const { describe } = await import('./commands/get.ts');
      await using(command, (source) => describe(source, name, scopeOf(source, options)));
    });

  const explain = reading(program, {
    name: 'explain',
    summary: 'what a request would get, and why',
    description:
      'Which route, backend and endpoints a request would get, and why the others lost. On a cluster that is worked out here from the pools, Services and EndpointSlices of every namespace, by the code of controller and proxy.',
  })
    .addOption(
      option('--url <url>', 'such as http://shop.example.com:8080/api?page=2')
        .argParser(httpUrl)
        .makeOptionMandatory(),
    )
    .addOption(option('--method <method>', 'the method').default('GET'))
    .addOption(option('--header <header...>', 'such as "x-tier: gold"').argParser(headerLine))
    .addOption(option('--body <text>', 'the body; its type in a content-type header'))
    .addOption(
      option('--client-address <address>', 'where the request comes from')
        .default('127.0.0.1')
        .argParser(ipAddress),
    )
    .addOption(option('--class <name>', 'on a cluster: whose proxies get the request').default('default'))
    .addOption(option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'))
    .action(async (options: Omit<ExplainOptions, 'header'> & { header?: string[] }, command: Command) => {
      const { explainCommand } = await import('./commands/explain.ts');
      const { header = [], ...rest } = options;
      await using(command, (source) => explainCommand(source, { ...rest, header }));
    });

  const drain = reading(program, {
    name: 'drain',
    summary: 'send nothing new to an endpoint',
    description:
      'Send nothing new to an endpoint, and let it finish what it has. On a cluster that is an entry of spec.endpointOverrides, for the pod when there is one, and it lasts until --undo; on a standalone process it lasts as long as the process.',
  })
    .argument('<pool>', 'name of the pool')
    .argument('<endpoint>', 'ADDRESS:PORT', endpointName)
    .addOption(
      option('-n, --namespace <name>', "of the pool; absent: that of the kubeconfig's context, or default"),
    )
    .addOption(flag('--undo', 'bring it back'))
    .action(
      async (
        pool: string,
        { address, port }: EndpointName,
        options: { namespace?: string; undo: boolean },
        command: Command,
      ) => {
        const { drain } = await import('./commands/drain.ts');
        await using(command, (source) => {
          const { undo, namespace = source.defaultNamespace } = options;
          return drain(source, { namespace, pool, address, port, undo });
        });
      },
    );

  const top = reading(program, {
    name: 'top',
    summary: 'pools with their rates, and endpoints in trouble',
    description: `Pools, and endpoints in trouble: live on a terminal, else once. A standalone process also tells requests a second and failures; on a cluster those are in the proxies' /metrics, and this shows the status alone. ${NAMESPACE_RULE}`,
  });
  scoped(top).action(async (options: Scope, command: Command) => {
    const { top } = await import('./commands/top.ts');
    const { stopSignal } = await import('./stop-signals.ts');
    await using(command, (source) => {
      const namespace = scopeOf(source, options);
      const live = { pools: () => source.pools(namespace), traffic: () => source.traffic() };
      return top(live, stopSignal());
    });
  });

  for (const command of [get, describe, explain, drain, top]) withSource(command);
}

interface Text {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
}

function reading(program: Command, { name, summary, description }: Text): Command {
  return program.command(name).summary(summary).description(`${description}\n\n${SOURCE_RULE}`);
}

function withSource(command: Command): void {
  command
    .addOption(option('--admin <address>', 'of a standalone process').argParser(listenAddress))
    .addOption(option('--kubeconfig <file>', 'of a cluster'))
    .addOption(option('--context <name>', 'of the kubeconfig'));
}

function scoped(command: Command): Command {
  return command
    .addOption(option('-n, --namespace <name>', 'only pools of this namespace').conflicts('allNamespaces'))
    .addOption(flag('-A, --all-namespaces', 'pools of every namespace'));
}

function scopeOf(source: PoolSource, { namespace, allNamespaces }: Scope): string | undefined {
  return allNamespaces === true ? undefined : (namespace ?? source.namespace);
}

/** Opens the source that the command's options ask for, for as long as `work` takes; its exit code. */
async function using(command: Command, work: (source: PoolSource) => Promise<number>): Promise<void> {
  const choice = chooseSource(wishesOf(command), hasKubeconfig(process.env));
  if (choice.kind === 'both') {
    command.error('error: --admin asks a standalone process, --kubeconfig and --context a cluster: not both');
  }
  const source = await openSource(choice);
  try {
    process.exitCode = await work(source);
  } finally {
    await source.close();
  }
}

function wishesOf(command: Command): SourceWishes {
  const wishes: Record<string, { value: string; from: 'flag' | 'environment' }> = {};
  for (const name of ['admin', 'kubeconfig', 'context']) {
    const value: unknown = command.getOptionValue(name);
    if (typeof value !== 'string') continue;
    wishes[name] = { value, from: command.getOptionValueSource(name) === 'env' ? 'environment' : 'flag' };
  }
  return wishes;
}
