import { run } from './commands.ts';

/**
 * Parts of the cluster itself, such as `apiserver` or `kubelet-NODE`. How they are stopped and started differs from
 * cluster to cluster: E2E_STOP and E2E_START are commands that take a part's name.
 */
const { E2E_STOP = '', E2E_START = '' } = process.env;

export const CAN_STOP_PARTS = E2E_STOP !== '' && E2E_START !== '';

if (!CAN_STOP_PARTS) {
  process.stderr.write(
    '\nSKIPPED: faults of the cluster itself; E2E_STOP and E2E_START do not say how to make them\n\n',
  );
}

export const stopPart = (part: string): Promise<string> => shell(E2E_STOP, part);

export const startPart = (part: string): Promise<string> => shell(E2E_START, part);

function shell(command: string, part: string): Promise<string> {
  const [file, ...args] = command.split(' ');
  return run(file!, [...args, part]);
}
