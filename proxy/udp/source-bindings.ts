import type { EndpointState } from '../state/endpoint-state.ts';

interface Binding {
  readonly endpoint: EndpointState;
  flows: number;
}

/** Which endpoint all flows of a client address go to, for as long as it has any. */
export class SourceBindings {
  readonly #byAddress = new Map<string, Binding>();

  get size(): number {
    return this.#byAddress.size;
  }

  get(address: string): EndpointState | undefined {
    return this.#byAddress.get(address)?.endpoint;
  }

  /** One more flow of this address goes there; another endpoint than before takes its place. */
  bind(address: string, endpoint: EndpointState): void {
    const binding = this.#byAddress.get(address);
    if (binding?.endpoint === endpoint) binding.flows += 1;
    else this.#byAddress.set(address, { endpoint, flows: 1 });
  }

  /** One flow of this address has left the endpoint. */
  unbind(address: string, endpoint: EndpointState): void {
    const binding = this.#byAddress.get(address);
    if (binding?.endpoint !== endpoint) return;
    binding.flows -= 1;
    if (binding.flows === 0) this.#byAddress.delete(address);
  }

  clear(): void {
    this.#byAddress.clear();
  }
}
