/** A reply of beanstalkd: `INSERTED 1`, or `RESERVED 1 104` with the job's body behind it. */
export interface Reply {
  readonly words: readonly string[];
  readonly body: string | null;
}

const lineEnd = '\r\n';
/** A job that is reserved for longer comes back to the queue. */
const timeToRunSeconds = 120;

/** Puts a job at the end of the queue of the tube in use. The body is ASCII. */
export function encodePut(body: string): string {
  return `put 0 0 ${timeToRunSeconds} ${body.length}${lineEnd}${body}${lineEnd}`;
}

export function encodeCommand(...words: readonly (string | number)[]): string {
  return `${words.join(' ')}${lineEnd}`;
}

/** Takes text of one character a byte, and calls `onReply` for each whole reply that has come. */
export function replyReader(onReply: (reply: Reply) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const all = rest + text;
    let at = 0;
    for (;;) {
      const end = all.indexOf(lineEnd, at);
      if (end < 0) break;
      const words = all.slice(at, end).split(' ');
      const bodyAt = end + lineEnd.length;
      if (words[0] !== 'RESERVED') {
        onReply({ words, body: null });
        at = bodyAt;
        continue;
      }
      const bodyEnd = bodyAt + Number(words[2]);
      if (all.length < bodyEnd + lineEnd.length) break;
      onReply({ words, body: all.slice(bodyAt, bodyEnd) });
      at = bodyEnd + lineEnd.length;
    }
    rest = all.slice(at);
  };
}
