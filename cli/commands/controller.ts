import { runController } from '../../controller/main.ts';
import type { ClassPolicy } from '../../controller/resolve/class-policy.ts';
import { createLog } from '../../lib/log.ts';
import { stopSignal } from '../stop-signals.ts';

export interface ControllerCommandOptions {
  readonly kubeconfig: string | undefined;
  readonly class: string;
  readonly namespace: string | undefined;
  readonly grpc: string;
  readonly proxyServiceAccounts: string[] | undefined;
  readonly caSecret: string;
  readonly caConfigMap: string;
  readonly tlsFolder: string | undefined;
  readonly proxySelector: string | undefined;
  readonly admin: string;
  readonly probes: string | undefined;
  readonly metrics: string | undefined;
  readonly deniedCidrs: string[] | undefined;
  readonly frontend: string | undefined;
  readonly activeProxyLease: string | undefined;
  readonly classRules: ClassPolicy | undefined;
  readonly logLevel: string;
}

/** `evenkeel controller`: the control plane, until a signal ends it; another takes over at once. */
export async function controllerCommand(options: ControllerCommandOptions): Promise<number> {
  const { kubeconfig, namespace, grpc, deniedCidrs, proxySelector, frontend } = options;
  const { admin, probes, metrics, activeProxyLease } = options;
  const { tlsFolder, proxyServiceAccounts, caSecret: secret, caConfigMap: configMap } = options;
  const controller = await runController({
    className: options.class,
    grpc,
    admin: { admin, probes, metrics },
    log: createLog(options.logLevel),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(namespace === undefined ? {} : { namespace }),
    ...(deniedCidrs === undefined ? {} : { deniedCidrs }),
    ...(frontend === undefined ? {} : { frontend }),
    ...(options.classRules === undefined ? {} : { policy: options.classRules }),
    ...(activeProxyLease === undefined ? {} : { activeProxyLease }),
    ...(proxySelector === undefined ? {} : { proxySelector }),
    ...(proxyServiceAccounts === undefined
      ? {}
      : {
          trust: {
            secret,
            configMap,
            proxyServiceAccounts,
            ...(tlsFolder === undefined ? {} : { tlsFolder }),
          },
        }),
  });
  await stopSignal();
  await controller.close();
  return 0;
}
