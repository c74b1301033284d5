"""The report's style sheet: for a phone and a desk, light and dark, and on paper."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --bg: #f3f5f7; --card: #fff; --ink: #14181d; --muted: #4d5864; --line: #d5dbe2; --accent: #0b6b63;
  --soft: #0b6b6326; --part: #14181d0a; --mark: #b3261e; --on-mark: #fff;
  --h0: #dfeeea; --h1: #fbe6b4; --h2: #f6b35c; --h3: #d9622b; --h4: #8c1c13; --none: #c3cad2;
  --following: #0b8f80; --holding: #4a8fd6; --lost: #c4472f; --waiting: #aeb7c1; --finished: #6c5fb0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --bg: #101317; --card: #1b2027; --ink: #f3f5f7; --muted: #abb5c0; --line: #3a434e; --accent: #4fd1b5;
    --soft: #4fd1b530; --part: #f3f5f70a; --mark: #ff8a80; --on-mark: #14181d;
    --h0: #20382f; --h1: #5d4a1b; --h2: #a66a1c; --h3: #f0863c; --h4: #ffc9b8; --none: #4a535e;
    --following: #2fb39c; --holding: #6cb6ff; --lost: #ff7a63; --waiting: #6a7480; --finished: #a89bf0;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--bg); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; overflow-wrap: anywhere;
}
header, main, footer { max-width: 68rem; margin: 0 auto; padding: 1rem; }
main { display: grid; gap: 1rem; padding-top: 0; }
main > * { min-width: 0; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .25rem 0; }
h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0; }
.muted, figcaption, .note, footer { color: var(--muted); }
section { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem; }
.notes { border-left: .25rem solid var(--mark); }
.head { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: center; }
.ring { width: 8rem; height: 8rem; flex: none; }
.ring circle { fill: none; stroke: var(--line); stroke-width: 9; }
.ring .arc { stroke: var(--accent); stroke-linecap: round; }
.ring text { fill: var(--ink); text-anchor: middle; font-weight: 700; font-size: 34px; }
.ring .unit { fill: var(--muted); font-weight: 400; font-size: 11px; }
.words { flex: 1 1 16rem; font-size: 1.1rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); gap: .75rem;
  margin: 1rem 0 0; }
.figures div { border-top: 2px solid var(--line); padding-top: .35rem; }
.facts { grid-template-columns: repeat(auto-fill, minmax(min(100%, 15rem), 1fr)); }
dt { color: var(--muted); font-size: .875rem; }
dd { margin: 0; font-size: 1.25rem; font-weight: 650; }
dd small { font-size: .875rem; font-weight: 400; color: var(--muted); }
.moments { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 18.5rem), 1fr));
  gap: 1rem; margin: .75rem 0 0; padding: 0; list-style: none; }
.moments > li { border: 1px solid var(--line); border-radius: .6rem; padding: .75rem; }
.moments .top { display: flex; gap: .5rem; align-items: center; }
.badge { flex: none; width: 1.6rem; height: 1.6rem; border-radius: 50%; background: var(--mark);
  color: var(--on-mark);  font-weight: 700; font-size: .9rem; display: grid; place-items: center; }
.cue { font-size: 1.15rem; font-weight: 650; margin: .5rem 0 .25rem; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: .4rem; margin: .6rem 0 0; }
.pair figure, .chart { margin: 0; min-width: 0; }
.pair img { display: block; width: 100%; height: 13rem; object-fit: contain;
  background: #101317; border-radius: .4rem; }
.pair figcaption { font-size: .875rem; text-align: center; }
.body { display: block; height: 11rem; margin: .6rem auto 0; }
.body path { fill: none; stroke: var(--none); stroke-width: 7; stroke-linecap: round;
  stroke-linejoin: round; }
.body .skull { fill: var(--none); stroke: none; }
.body .spot { stroke: var(--ink); stroke-width: 1.2; }
.plot { display: grid; grid-template-columns: 2.9rem minmax(0, 1fr); margin-top: .75rem; }
.rows { grid-template-columns: 6.6rem minmax(0, 1fr); }
.plot svg { display: block; width: 100%; overflow: visible; }
.plot text { fill: var(--muted); font-size: 12px; }
.plot text.now { fill: var(--on-mark); font-weight: 700; }
.grid { stroke: var(--line); stroke-width: 1; }
.level { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 5 4; }
.band { fill: var(--soft); }
.part { fill: var(--part); }
.line { fill: none; stroke: var(--accent); stroke-width: 2.2; stroke-linejoin: round;
  vector-effect: non-scaling-stroke; }
.dot { fill: var(--accent); }
.marker { fill: var(--mark); }
.h0 { fill: var(--h0); background: var(--h0); } .h1 { fill: var(--h1); background: var(--h1); }
.h2 { fill: var(--h2); background: var(--h2); } .h3 { fill: var(--h3); background: var(--h3); }
.h4 { fill: var(--h4); background: var(--h4); } .none { fill: var(--none); background: var(--none); }
.following { fill: var(--following); background: var(--following); }
.holding { fill: var(--holding); background: var(--holding); }
.lost { fill: var(--lost); background: var(--lost); }
.waiting { fill: var(--waiting); background: var(--waiting); }
.finished { fill: var(--finished); background: var(--finished); }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin: .6rem 0 0; padding: 0; list-style: none;
  font-size: .875rem; }
.legend span { display: inline-block; width: 1rem; height: .8rem; border-radius: .15rem; margin-right: .4rem;
  border: 1px solid var(--muted); }
details { margin-top: .6rem; }
summary { cursor: pointer; color: var(--accent); padding: .4rem 0; }
.scroll { overflow-x: auto; overflow-wrap: normal; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
table { border-collapse: collapse; width: 100%; font-size: .95rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: var(--muted); padding-bottom: .35rem; }
th, td { text-align: right; padding: .4rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { font-weight: 600; }
th:first-child, td.text, th.text { text-align: left; }
th[scope="row"] { white-space: normal; min-width: 6.5rem; }
th bdi { white-space: nowrap; }
td.text { white-space: normal; min-width: 10rem; }
@media print { body { background: #fff; } section { break-inside: avoid; } details { display: none; } }
"""

#: What the page may load: only this style sheet and the pictures inside the page.
POLICY: Final = (
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    + "'"
)
