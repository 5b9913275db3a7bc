/** Numbers of jobs, first in, first out: for replies that come in the order of the requests. An array's own `shift` is slow when it is long. */
export class NumberQueue {
  private readonly numbers = new Map<number, number>();
  private first = 0;
  private next = 0;

  add(number: number): void {
    this.numbers.set(this.next++, number);
  }

  take(): number {
    const number = this.numbers.get(this.first);
    if (number === undefined) throw new Error('more was answered than asked');
    this.numbers.delete(this.first++);
    return number;
  }
}
