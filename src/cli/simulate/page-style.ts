/** Everything the page looks like, light and dark, wide and narrow. */
export const pageStyle = `
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #fff; --ink: #1b2430; --muted: #5d6b7c; --rule: #e1e6ec;
  --first: #1769e0; --second: #e0662b; --third: #8a5cd6; --good: #12805c; --bad: #c0322b; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151c; --card: #19212b; --ink: #e8edf3; --muted: #98a6b7;
  --rule: #2b3644; --first: #6aa8ff; --second: #ff9d66; --third: #b79bf5; --good: #46c797; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 6px; letter-spacing: -0.01em; }
h2 { font-size: 1.05rem; margin: 0 0 4px; }
p { margin: 0; }
.what, .caption, .meaning, footer { color: var(--muted); }
.caption { font-size: 0.9rem; min-height: 2.7em; }
code { display: block; margin-top: 14px; padding: 10px 14px; border: 1px solid var(--rule); border-radius: 8px;
  background: var(--card); font: 0.88rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; overflow-x: auto; white-space: pre; }
.tiles { display: flex; flex-wrap: wrap; gap: 12px; margin: 20px 0; }
.tile, .card { background: var(--card); border: 1px solid var(--rule); border-radius: 12px; }
.tile { padding: 14px 16px; flex: 1 1 210px; }
.tile b { display: block; font-size: 1.55rem; line-height: 1.25; font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 0.88rem; line-height: 1.3; display: block; }
.good b { color: var(--good); } .bad b { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 14px; }
.card { padding: 16px 18px; min-width: 0; }
.charts .card:last-child:nth-child(odd) { grid-column: 1 / -1; }
.charts .card:last-child:nth-child(odd) svg { max-width: 680px; }
.figures { margin-top: 14px; }
svg { display: block; width: 100%; height: auto; margin-top: 6px; }
.tick, .axis, .marked { font-size: 13px; fill: var(--muted); }
.marked { font-size: 12px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.mark { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 3 4; opacity: 0.7; }
.line { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
.line.first { stroke: var(--first); } .line.second { stroke: var(--second); } .line.third { stroke: var(--third); }
.many .line { stroke-width: 1.6; opacity: 0.75; }
.legend { margin-top: 4px; font-size: 0.88rem; color: var(--muted); }
.key { margin-right: 14px; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: 18px; height: 3px; border-radius: 2px; margin: 0 7px 4px 0; background: currentColor; }
.key.first::before { background: var(--first); } .key.second::before { background: var(--second); }
.key.third::before { background: var(--third); }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding: 14px 0 4px; }
.figures table:first-child caption { padding-top: 0; }
td, th { text-align: left; vertical-align: top; padding: 6px 14px 6px 0; border-top: 1px solid var(--rule); font-weight: 400; }
th { width: 13em; } td:nth-child(2) { width: 22em; font-weight: 600; }
footer { margin-top: 22px; font-size: 0.88rem; }
@media (max-width: 700px) { main { padding: 20px 14px 36px; } h1 { font-size: 1.4rem; } .caption { min-height: 0; }
  .tiles { gap: 10px; } .tile { flex-basis: 140px; } .tile b { font-size: 1.25rem; } .card { padding: 14px 12px; }
  .tick, .axis { font-size: 15px; } .marked { font-size: 13px; }
  code { white-space: pre-wrap; overflow-wrap: anywhere; }
  tr { display: block; border-top: 1px solid var(--rule); padding: 7px 0; }
  td, th, td:nth-child(2) { display: block; width: auto; border: 0; padding: 0; } }
@media print { body { background: #fff; } .card, .tile { break-inside: avoid; } }
`;
