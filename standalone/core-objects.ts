import { Ajv, type ValidateFunction } from 'ajv';
import type { FieldError } from '../api/validate/schema.ts';

const port = { type: 'integer', minimum: 1, maximum: 65_535 };
const name = { type: 'string', maxLength: 253 };
const base64 = { type: 'string', pattern: '^[A-Za-z0-9+/\\s]*={0,2}\\s*$' };
const texts = { type: 'object', additionalProperties: { type: 'string' } };

/** As much of the API's own objects as is read here: enough that a slip of the pen is told and not puzzled over. */
const SCHEMAS: Readonly<Record<string, object>> = {
  Service: {
    type: 'object',
    required: ['spec'],
    properties: {
      spec: {
        type: 'object',
        properties: {
          type: { enum: ['ClusterIP', 'NodePort', 'LoadBalancer', 'ExternalName'] },
          publishNotReadyAddresses: { type: 'boolean' },
          ports: {
            type: 'array',
            items: {
              type: 'object',
              required: ['port'],
              properties: { name, port, protocol: { enum: ['TCP', 'UDP', 'SCTP'] }, appProtocol: name },
            },
          },
        },
      },
    },
  },
  EndpointSlice: {
    type: 'object',
    required: ['addressType', 'endpoints'],
    properties: {
      metadata: {
        type: 'object',
        required: ['labels'],
        properties: {
          labels: {
            type: 'object',
            required: ['kubernetes.io/service-name'],
            additionalProperties: { type: 'string' },
          },
        },
      },
      addressType: { enum: ['IPv4', 'IPv6', 'FQDN'] },
      ports: {
        type: 'array',
        items: { type: 'object', properties: { name, port, protocol: { enum: ['TCP', 'UDP', 'SCTP'] } } },
      },
      endpoints: {
        type: 'array',
        items: {
          type: 'object',
          required: ['addresses'],
          properties: {
            addresses: { type: 'array', minItems: 1, items: name },
            conditions: {
              type: 'object',
              additionalProperties: false,
              properties: {
                ready: { type: 'boolean' },
                serving: { type: 'boolean' },
                terminating: { type: 'boolean' },
              },
            },
            zone: name,
            nodeName: name,
          },
        },
      },
    },
  },
  Secret: {
    type: 'object',
    properties: {
      type: name,
      data: { type: 'object', additionalProperties: base64 },
      stringData: texts,
    },
  },
  ConfigMap: { type: 'object', properties: { data: texts } },
};

const compiled = new Map<string, ValidateFunction>();

/** What is wrong with an object of the API itself, without quoting it; nothing for other kinds. */
export function checkCoreObject(kind: string, object: object): FieldError[] {
  const schema = Object.hasOwn(SCHEMAS, kind) ? SCHEMAS[kind] : undefined;
  if (schema === undefined) return [];
  let validate = compiled.get(kind);
  if (validate === undefined) {
    validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
    compiled.set(kind, validate);
  }
  if (validate(object)) return [];
  return (validate.errors ?? []).map((error) => ({
    path: error.instancePath
      .slice(1)
      .replaceAll(/\/(\d+)(?=\/|$)/g, '[$1]')
      .replaceAll('/', '.'),
    message: error.message ?? 'is not valid',
  }));
}
