import { errorReply, okReply, type Reply } from '../core/reply.js';
import { type OptionName, optionSpecs } from './options.js';
import { type VerbSpec, verbSpecs } from './verbs.js';
import { quoted, suggestion } from './wording.js';

/** Version of the line protocol; a change that breaks programs raises it. */
export const lineProtocolVersion = 1;

/** HELLO's answer: what every node says, and the facts that this one adds about itself. */
export function helloText(facts: Readonly<Record<string, unknown>>, terms: HelloTerms): string {
  const { lineBytesMax, bodyBytesMax, requestsInFlightMax } = terms.limits;
  return JSON.stringify({
    server: 'rondo',
    protocol: lineProtocolVersion,
    ...facts,
    auth: terms.authRequired,
    limits: { lineBytesMax, bodyBytesMax, requestsInFlightMax },
  });
}

/** What a client has to go by at this node. */
export interface HelloTerms {
  readonly authRequired: boolean;
  /** As this node was configured. */
  readonly limits: HelloLimits;
}

export interface HelloLimits {
  readonly lineBytesMax: number;
  readonly bodyBytesMax: number;
  readonly requestsInFlightMax: number;
}

/** HELP's answer: a list of all verbs, or one verb with its options. */
export function helpReply(name: string | null): Reply {
  if (name === null) return allVerbs;
  const spec = verbSpecs.get(name.toUpperCase());
  if (spec === undefined) return unknownVerb(name);
  return okReply(
    JSON.stringify({
      verb: spec.name,
      usage: usageOf(spec),
      summary: spec.summary,
      offered: true,
      answer: spec.answer,
      example: spec.example,
      options: spec.options.map((option) => optionHelp(option)),
    }),
  );
}

export function unknownVerb(name: string): Reply {
  const hint = suggestion(name.toUpperCase(), [...verbSpecs.keys()]);
  return errorReply('UNKNOWN_VERB', `no verb ${quoted(name)}.${hint} HELP lists them all`);
}

const allVerbs = okReply(
  JSON.stringify(
    [...verbSpecs.values()].map((spec) => ({
      verb: spec.name,
      usage: usageOf(spec),
      summary: spec.summary,
      offered: true,
    })),
  ),
);

/** `SUBMIT task [options] [payload]`. */
function usageOf(spec: VerbSpec): string {
  let usage = spec.name;
  if (spec.operand !== null)
    usage += spec.operand.required ? ` ${spec.operand.name}` : ` [${spec.operand.name}]`;
  if (spec.needs !== undefined) usage += ` ${spec.needs}=${optionSpecs.get(spec.needs)?.form}`;
  if (spec.payload) return `${usage} [options] [payload]`;
  for (const option of spec.options) usage += ` [${option}=${optionSpecs.get(option)?.form}]`;
  return usage;
}

function optionHelp(name: OptionName): { option: string; summary: string } {
  const spec = optionSpecs.get(name);
  return { option: `${name}=${spec?.form}`, summary: spec?.summary ?? '' };
}
