/** What goes wrong on the client's side; beside `errorCodes`, which nodes answer with. As stable as those. */
export const clientErrorCodes = {
  NO_NODE: 'no node answers, at any of the addresses that are known: nothing has happened',
  BAD_ADDRESS: 'the list of nodes is empty, or holds what is no host:port',
  STREAM_BROKEN: 'what a job yields has a gap, or began anew after some of it was given',
  BAD_REPLY: 'what answers is no node, or one of another time',
} as const;

export type ClientErrorCode = keyof typeof clientErrorCodes;
