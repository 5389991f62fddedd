import { describe, expect, it } from 'vitest';
import { describeChart, objects, render, runHelm } from '../../support/charts/helm.ts';

const EVERYTHING = [
  'className="edge"',
  'secretNamespaces=["shop","blog"]',
  'classRules=[{"namespaces":["shop"],"ports":[80,443],"hostnames":["*.shop.example.com"]},{"ports":[8080]}]',
  'deniedCIDRs=["192.0.2.0/24","fd00::/8"]',
  'image={"prefix":"registry.example.com/lb/","tag":"9.9.9","pullSecrets":[{"name":"pull"}]}',
  'controller={"replicas":3,"priorityClassName":"important","podAnnotations":{"a":"b"}}',
  'proxy={"kind":"DaemonSet","workers":4,"accessLog":true,"hostPorts":[{"port":443},{"port":53,"protocol":"UDP"}],"drainDelaySeconds":10,"drainTimeoutSeconds":60,"tolerations":[{"operator":"Exists"}],"nodeSelector":{"edge":"true"},"podLabels":{"team":"net"}}',
  'service={"type":"LoadBalancer","externalTrafficPolicy":"Local","loadBalancerClass":"example.com/lb","loadBalancerSourceRanges":["10.0.0.0/8"],"externalIPs":["192.0.2.1"],"annotations":{"x":"y"},"labels":{"z":"w"}}',
  'networkPolicy={"metricsFrom":[{"namespaceSelector":{"matchLabels":{"name":"monitoring"}}}],"egress":{"enabled":true,"apiServer":[{"ipBlock":{"cidr":"192.0.2.10/32"}}],"apiServerPorts":[6443],"backends":[{"namespaceSelector":{}}]}}',
  'controlStream={"certManager":{"enabled":true,"issuerRef":{"name":"internal-ca","kind":"ClusterIssuer"}}}',
  'prometheusRule={"enabled":true,"labels":{"release":"prom"}}',
  'podMonitor={"enabled":true,"labels":{"release":"prom"}}',
];
const ACTIVE_PASSIVE = 'redundancy={"mode":"ActivePassive"}';
const VARIANTS: readonly (readonly [string, readonly string[]])[] = [
  ['defaults', []],
  ['everything', EVERYTHING],
  ['active-passive', [ACTIVE_PASSIVE]],
  [
    'host-network',
    [
      'proxy={"hostNetwork":true,"autoscaling":{"enabled":true}}',
      'service={"type":"ClusterIP"}',
      'networkPolicy={"enabled":true}',
    ],
  ],
];

describeChart('the chart', { timeout: 30_000 }, () => {
  it.each(VARIANTS)('renders with %s', async (name, settings) => {
    const rendered = render('crds={"install":false}', ...settings);
    await expect(rendered).toMatchFileSnapshot(`snapshots/${name}.yaml`);
  });

  it('passes helm lint', () => {
    expect(runHelm(['lint', '--strict', 'charts/evenkeel'])).toContain('0 chart(s) failed');
  });

  it('installs the CRD as a template that stays when the release goes, unless told not to', () => {
    const crd = objects(render()).find(({ kind }) => kind === 'CustomResourceDefinition');
    expect(crd?.metadata.name).toBe('loadbalancerpools.evenkeel.dev');
    expect(crd?.metadata.annotations?.['helm.sh/resource-policy']).toBe('keep');
    const without = objects(render('crds={"install":false}'));
    expect(without.filter(({ kind }) => kind === 'CustomResourceDefinition')).toEqual([]);
  });

  it('gives the proxy as long to end as it takes to drain', () => {
    const proxy = objects(render('proxy={"drainDelaySeconds":7,"drainTimeoutSeconds":20}')).find(
      ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'evenkeel-proxy',
    ) as unknown as {
      spec: {
        template: { spec: { terminationGracePeriodSeconds: number; containers: { args: string[] }[] } };
      };
    };
    const { terminationGracePeriodSeconds, containers } = proxy.spec.template.spec;
    expect(containers[0]!.args).toEqual(expect.arrayContaining(['--drain-delay=7s', '--drain-timeout=20s']));
    expect(terminationGracePeriodSeconds).toBeGreaterThan(27);
  });

  it('leaves the number of proxies to the autoscaler', () => {
    const replicas = (...settings: string[]): unknown => {
      const found = objects(render(...settings)).find(
        ({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'evenkeel-proxy',
      ) as unknown as { spec: { replicas?: number } };
      return found.spec.replicas;
    };
    expect(replicas()).toBe(2);
    expect(replicas('proxy={"autoscaling":{"enabled":true}}')).toBeUndefined();
  });

  describe('with limits on where it connects to', () => {
    interface Policy {
      readonly spec: {
        readonly policyTypes: readonly string[];
        readonly egress?: readonly {
          readonly ports?: readonly { readonly port: number; readonly protocol?: string }[];
          readonly to?: readonly object[];
        }[];
      };
    }
    const policy = (component: string, egress: object, ...settings: string[]): Policy['spec'] => {
      const found = objects(render(`networkPolicy=${JSON.stringify({ egress })}`, ...settings)).find(
        ({ kind, metadata }) => kind === 'NetworkPolicy' && metadata.name === `evenkeel-${component}`,
      );
      return (found as unknown as Policy).spec;
    };
    const API_SERVER = { ports: [{ port: 443 }, { port: 6443 }] };

    it('has none unless it is asked to', () => {
      expect(policy('controller', {})).not.toHaveProperty('egress');
      expect(policy('proxy', {}).policyTypes).toEqual(['Ingress']);
    });

    it('lets controllers reach the API server alone', () => {
      expect(policy('controller', { enabled: true })).toMatchObject({
        policyTypes: ['Ingress', 'Egress'],
        egress: [API_SERVER],
      });
      const to = [{ ipBlock: { cidr: '192.0.2.10/32' } }];
      const { egress } = policy('controller', { enabled: true, apiServer: to, apiServerPorts: [16443] });
      expect(egress).toEqual([{ to, ports: [{ port: 16443 }] }]);
    });

    it('lets proxies reach DNS, controllers and backends, and the API server when they choose one active', () => {
      const backends = [{ namespaceSelector: {} }];
      const egress = policy('proxy', { enabled: true, backends }).egress!;
      expect(egress[0]!.ports!.map(({ port, protocol }) => `${protocol} ${port}`)).toEqual([
        'UDP 53',
        'TCP 53',
      ]);
      expect(egress.at(-1)).toEqual({ to: backends });
      expect(egress).not.toContainEqual(API_SERVER);
      expect(policy('proxy', { enabled: true, backends }, ACTIVE_PASSIVE).egress).toContainEqual(API_SERVER);
      expect(policy('proxy', { enabled: true }).egress).toContainEqual({});
    });
  });

  it.each([
    ['an autoscaler', 'proxy={"autoscaling":{"enabled":true}}', /mean load of all proxies/],
    ['ports of the host', 'proxy={"hostPorts":[{"port":443}]}', /lead to every proxy/],
  ])('refuses %s where one proxy alone may have traffic', (_, setting, reason) => {
    expect(() => render(ACTIVE_PASSIVE, setting)).toThrow(reason);
  });

  it('refuses cert-manager without an issuer', () => {
    expect(() => render('controlStream={"certManager":{"enabled":true}}')).toThrow(
      /the issuer .* is missing/,
    );
  });

  it.each([
    ['a setting that does not exist', 'proxy={"replica":3}'],
    ['a number out of range', 'controller={"replicas":0}'],
    ['a kind that does not exist', 'proxy={"kind":"StatefulSet"}'],
    ['a class rule that grants nothing', 'classRules=[{"ports":[]}]'],
    ['a Service type without addresses', 'service={"type":"ExternalName"}'],
    ['a class name that is no DNS label', 'className="Edge_1"'],
  ])('refuses %s', (_, setting) => {
    expect(() => render(setting)).toThrow(/values don't meet the specifications of the schema/);
  });
});
