import type { Spread } from '../../sim/simulation-result.js';

/** Times for people: `0.8 ms`, `151 ms`, `4.13 s`, `2.5 min`. */
export function time(ms: number | null): string {
  if (ms === null) return 'never';
  if (ms < 9.95) return `${ms.toFixed(1)} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 119_950) return `${(ms / 1_000).toFixed(ms < 9_995 ? 2 : 1)} s`;
  return `${(ms / 60_000).toFixed(1)} min`;
}

/** The four percentiles, or a dash where there was nothing to measure. */
export function spread(spread: Spread | null): string {
  if (spread === null) return 'none';
  return [spread.p50, spread.p90, spread.p99, spread.max].map(time).join(' · ');
}

/** Bytes a second: `34 B/s`, `4.6 kB/s`, `1.2 MB/s`. */
export function rate(bytes: number): string {
  if (bytes < 999.5) return `${bytes.toFixed(0)} B/s`;
  if (bytes < 999_500) return `${(bytes / 1_000).toFixed(1)} kB/s`;
  return `${(bytes / 1_000_000).toFixed(1)} MB/s`;
}

/** A rate on an axis: `100 kB/s`. */
export function wholeRate(bytes: number): string {
  return rate(bytes).replace('.0 ', ' ');
}

/** 1,234,567 whatever the locale. */
export function whole(count: number): string {
  return Math.round(count).toLocaleString('en-US');
}

/** A small number: two figures after the point where it is under ten. */
export function decimal(value: number): string {
  if (value === 0) return '0';
  return value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : whole(value);
}

/** A part from 0 to 1: `5 %`, `0.1 %`. */
export function percent(part: number): string {
  return `${Number((part * 100).toPrecision(3))} %`;
}
