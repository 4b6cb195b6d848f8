// Makes the pages live: scores fade as the clock runs, rows move as leads warm up. Pages work without it.

const zh = document.documentElement.lang.startsWith('zh');
const words = JSON.parse(document.body.dataset.words || '{}');
const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
const pick = (name) => (zh && name.zh) || name.en || name.id || '';
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// The score of a moment: the same sum as view leads_at and leads.Fade.
const DAY = 86400000;
function scoreAt(fade, at) {
  const sums = fade.groups.map(() => 0);
  let total = 0;
  for (const [value, anchor, half, group] of fade.terms) {
    const now = half === 0 ? value : value * 2 ** (-Math.max(0, at - anchor) / DAY / half);
    if (group < 0) total += now; else sums[group] += now;
  }
  fade.groups.forEach(([cap, floor], i) => { total += Math.min(cap, Math.max(floor, sums[i])); });
  return Math.min(100, Math.max(-100, total));
}
const heat = (score) => (score >= 75 ? 4 : score >= 50 ? 3 : score >= 25 ? 2 : score >= 5 ? 1 : 0);
const fixed = (v, n) => v.toFixed(n).replace(/^-(0\.?0*)$/, '$1');
const signed = (v) => (v < 0 ? '−' + fixed(-v, 1) : '+' + fixed(v, 1));

function setHeat(element, score) {
  for (let i = 0; i < 5; i++) element.classList.toggle('h' + i, i === heat(score));
}
function setText(element, text) {
  if (element && element.textContent !== text) element.textContent = text;
}
function grade(fit, fade, score) {
  return fit === 'X' ? 'X' : fit + (1 + (fade.bands || []).filter((b) => score < b).length);
}

// Times read "2 minutes ago"; the exact one stays as a tooltip.
const relative = new Intl.RelativeTimeFormat(zh ? 'zh-CN' : 'en', { numeric: 'auto', style: 'short' });
const clock = new Intl.DateTimeFormat(zh ? 'zh-CN' : 'en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false });
const exact = new Intl.DateTimeFormat(zh ? 'zh-CN' : 'en', { dateStyle: 'medium', timeStyle: 'medium' });
function ago(then) {
  const seconds = (then - Date.now()) / 1000;
  for (const [unit, size] of [['day', 86400], ['hour', 3600], ['minute', 60]]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(Math.trunc(Math.min(0, seconds)), 'second');
}
function tellTimes() {
  for (const time of all('time[datetime]')) {
    const then = new Date(time.dateTime);
    if (Number.isNaN(then.getTime()) || then.getFullYear() < 1971) { setText(time, '–'); continue; }
    // In a timeline an hour back and more, the hour says more than "4 days ago" twenty times over.
    const far = time.closest('.timeline') && Date.now() - then > 3600000;
    setText(time, far ? clock.format(then) : ago(then));
    if (!time.title) time.title = exact.format(then);
  }
}

const fades = new WeakMap();
function fadeOf(element) {
  if (!fades.has(element)) {
    let fade = null;
    try { fade = JSON.parse(element.dataset.fade || 'null'); } catch { /* a row without a fade stands still */ }
    fades.set(element, fade);
  }
  return fades.get(element);
}

// ---- the hot list

const hot = document.querySelector('[data-hot]');
const keyOf = (lead, track) => lead + ' ' + track;
const rowKey = (row) => keyOf(row.dataset.lead, row.dataset.track);
const MOST = 200;

function tickRow(row) {
  const fade = fadeOf(row);
  if (!fade) return;
  const score = scoreAt(fade, Date.now());
  row.score = score;
  setText(row.querySelector('.c-score .num'), fixed(score, 1));
  row.querySelector('.c-score .fill').setAttribute('width', Math.max(0, score).toFixed(2));
  setText(row.querySelector('.grade'), grade(row.dataset.fit, fade, score));
  setHeat(row, score);
}

function wanted(lead) {
  const { stage, closed, grade: grades, min, frozen } = hot.dataset;
  if (stage ? !stage.split(',').includes(lead.stage.id) : closed.split(',').includes(lead.stage.id)) return false;
  if (lead.fit === 'X' && !grades.split(',').includes('X')) return false;
  if (grades && !grades.split(',').some((g) => lead.grade.startsWith(g))) return false;
  if (min !== '' && lead.score < Number(min)) return false;
  return !frozen; // a search or a later page takes no newcomers: the server decides who is on it
}

function fill(row, lead) {
  Object.assign(row.dataset, {
    lead: lead.id, track: lead.track, revision: lead.revision, last: lead.last_seen, first: lead.first_seen, since: lead.stage_since, fit: lead.fit,
  });
  fades.set(row, lead.fade);
  const link = row.querySelector('.c-who a');
  link.href = '/leads/' + lead.id + '?track=' + encodeURIComponent(lead.track);
  setText(link, lead.name || lead.email || lead.user_id || words.visitor + ' ' + lead.id.slice(0, 4));
  const facts = [lead.company, lead.name ? lead.email : '', lead.country].filter(Boolean);
  const sub = row.querySelector('.c-who .sub');
  const sessions = row.querySelector('.c-who .sub span:last-child');
  if (facts.length || !sessions) sub.replaceChildren(...facts.map((f) => span(f)));
  const badge = row.querySelector('.grade');
  badge.className = 'grade g' + (lead.fit === '?' ? 'U' : lead.fit);
  const stage = row.querySelector('.c-stage .stage');
  stage.dataset.stage = lead.stage.id;
  setText(stage, pick(lead.stage));
  setTime(row.querySelector('.c-stage time'), lead.stage_since);
  const act = row.querySelector('.act');
  const what = document.createElement('b');
  what.textContent = (lead.last.name && lead.last.type !== 'page' ? lead.last.name : lead.last.path) || lead.last.name;
  act.replaceChildren((words[lead.last.type] || lead.last.type) + ' ', what);
  setTime(row.querySelector('.c-last time'), lead.last_seen);
  row.querySelector('.c-why').replaceChildren(...lead.why.map(chip));
  tickRow(row);
}
function span(text) {
  const element = document.createElement('span');
  element.textContent = text;
  return element;
}
function chip(rule) {
  const element = span(pick(rule) + ' ');
  element.className = 'chip' + (rule.points < 0 ? ' minus' : '');
  const points = document.createElement('b');
  points.textContent = signed(rule.points);
  element.append(points);
  return element;
}
function setTime(time, iso) {
  time.dateTime = iso;
  time.removeAttribute('title');
}
function flash(element) {
  element.classList.add('flash');
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => element.classList.remove('flash'), 250)));
}

// Rows glide to their new place instead of jumping: first and last position, played back as a transform.
function sortRows(body) {
  const by = {
    score: (row) => row.score ?? -101, last_seen: (row) => Date.parse(row.dataset.last),
    first_seen: (row) => Date.parse(row.dataset.first), stage_since: (row) => Date.parse(row.dataset.since),
  }[hot.dataset.sort];
  const rows = [...body.rows];
  const sorted = rows.map((row) => [by(row), Date.parse(row.dataset.last), row]).sort((a, b) => b[0] - a[0] || b[1] - a[1]).map(([, , row]) => row);
  if (sorted.every((row, i) => row === rows[i])) return;
  const before = new Map(rows.map((row) => [row, row.getBoundingClientRect().top]));
  body.append(...sorted);
  if (calm || document.hidden) return;
  for (const row of sorted) {
    const moved = before.get(row) - row.getBoundingClientRect().top;
    if (moved) row.animate([{ transform: `translateY(${moved}px)` }, { transform: 'none' }], { duration: 350, easing: 'ease-out' });
  }
}

function showLeads(leads) {
  const body = hot.querySelector('tbody');
  if (!body) { // the first lead of an empty list: the server draws the table once it has the lead
    if (leads.some(wanted)) resync(10000);
    return;
  }
  const rows = new Map([...body.rows].map((row) => [rowKey(row), row]));
  let counts = false;
  for (const lead of leads) {
    let row = rows.get(keyOf(lead.id, lead.track));
    if (row && Number(row.dataset.revision) > lead.revision) continue;
    if (lead.merged_into) { // the person has said who they are: another row is theirs now
      if (row && body.rows.length > 1) row.remove(); else if (row) setTimeout(resync, 1000);
      continue;
    }
    if (row) counts ||= row.querySelector('.c-stage .stage').dataset.stage !== lead.stage.id;
    if (!row && wanted(lead)) {
      counts = true;
      row = body.rows[0].cloneNode(true);
      row.querySelector('.c-who .sub').replaceChildren();
      body.append(row);
    }
    if (!row) continue;
    fill(row, lead);
    flash(row);
  }
  sortRows(body);
  while (body.rows.length > MOST) body.rows[MOST].remove();
  tellTimes();
  if (counts) swapSoon(['.tabs']);
}

// ---- parts of a page drawn anew by the server

async function fetchPage() {
  const response = await fetch(location.href, { headers: { Accept: 'text/html' } });
  if (!response.ok) return null;
  return new DOMParser().parseFromString(await response.text(), 'text/html');
}
async function swap(selectors) {
  let page;
  try { page = await fetchPage(); } catch { return; } // offline: the stream's return swaps again
  if (!page) return;
  for (const selector of selectors) {
    const fresh = all(selector, page);
    all(selector).forEach((old, i) => { if (fresh[i] && old.outerHTML !== fresh[i].outerHTML) old.replaceWith(fresh[i]); });
  }
  tellTimes();
}

// The stream tells changes only, and the tables are behind it by the sink's batch: what happened between the two, as a page
// was being opened, is found by asking the list once more.
async function resync(patience = 0) {
  if (resync.running) return;
  resync.running = true;
  for (const end = Date.now() + patience; ;) {
    await pause(400);
    const page = await fetchPage().catch(() => null);
    const fresh = page && page.querySelector('[data-hot] tbody');
    const body = hot.querySelector('tbody');
    if (fresh && !body) { location.reload(); return; }
    if (fresh) takeOver(body, fresh);
    if (fresh || Date.now() > end) break;
  }
  resync.running = false;
}
function takeOver(body, fresh) {
  const rows = new Map([...body.rows].map((row) => [rowKey(row), row]));
  for (const row of [...fresh.rows]) {
    const old = rows.get(rowKey(row));
    if (old && Number(old.dataset.revision) >= Number(row.dataset.revision)) continue;
    if (old) old.replaceWith(row); else body.append(row);
    tickRow(row);
  }
  sortRows(body);
  tellTimes();
}

let soon = 0;
function swapSoon(selectors) {
  if (soon) return;
  soon = setTimeout(() => { soon = 0; swap(selectors); }, 1500);
}

// ---- the lead page

const lead = document.querySelector('[data-leadpage]');
function tickDial() {
  const fade = fadeOf(lead);
  if (!fade) return;
  const score = scoreAt(fade, Date.now());
  setText(lead.querySelector('.dial .num'), fixed(score, 2));
  lead.querySelector('.dial .fill').setAttribute('stroke-dasharray', Math.max(0, score).toFixed(2) + ' 100');
  setText(lead.querySelector('.hero .grade'), grade(lead.dataset.fit, fade, score));
  setHeat(lead.querySelector('.hero'), score);
}

// The stream is ahead of the tables by the sink's batch, and says nothing of what happened before it was opened: the page is
// asked again and again until it shows the revision that the stream told, or for as long as a slow sink may need when nobody
// knows which revision is the newest.
const WAITS = [150, 350, 700, 1500, 3000, 6000, 12000];
const UNKNOWN = Infinity;
let told = UNKNOWN, waits = [];
async function chase(revision) {
  told = revision;
  waits = [...WAITS];
  if (chase.running) return;
  chase.running = true;
  while (waits.length) {
    await pause(waits.shift());
    if (await look() >= told && told !== UNKNOWN) { // the timeline is of another table, which may be a batch behind: one look more
      told = UNKNOWN;
      waits.length = Math.min(waits.length, 1);
    }
  }
  chase.running = false;
}
// look draws the page anew if the server has a newer one, and says which revision it has; joined to another lead, it goes there.
async function look() {
  let response;
  try { response = await fetch(location.href, { headers: { Accept: 'text/html' } }); } catch { return -1; } // offline
  if (!response.ok) return -1;
  if (response.redirected) { location.replace(response.url); return -1; }
  const fresh = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('[data-leadpage]');
  if (!fresh) return -1;
  const revision = Number(fresh.dataset.revision);
  if (revision >= Number(lead.dataset.revision)) redraw(fresh);
  return revision;
}
const parts = (root) => new Map(all('[data-swap]', root).map((part) => [part.dataset.swap, part.outerHTML]));
let drawn = lead && parts(lead); // as the server wrote them
function redraw(fresh) {
  const now = parts(fresh);
  const known = new Set(all('.timeline [data-key]').map((entry) => entry.dataset.key));
  for (const part of all('[data-swap]', fresh)) {
    if (now.get(part.dataset.swap) === drawn.get(part.dataset.swap)) continue;
    const old = lead.querySelector(`[data-swap="${part.dataset.swap}"]`);
    if (old) old.replaceWith(part); else lead.querySelector('.cols > div').append(part);
  }
  drawn = now;
  for (const entry of all('.timeline [data-key]')) if (!known.has(entry.dataset.key)) flash(entry);
  lead.dataset.revision = fresh.dataset.revision;
  lead.dataset.fit = fresh.dataset.fit;
  fades.set(lead, fadeOf(fresh));
  tellTimes();
  tickDial();
}
function showLead(update) {
  if (update.merged_into) { chase(UNKNOWN); return; } // the page of the lead that it was joined to, once the store has it
  lead.dataset.fit = update.fit;
  fades.set(lead, update.fade);
  tickDial();
  flash(lead.querySelector('.hero'));
  chase(update.revision);
}

// ---- the stream

const pulse = document.querySelector('[data-pulse]');
function beat(on) {
  if (!pulse) return;
  pulse.hidden = false;
  pulse.classList.toggle('off', !on);
  setText(pulse, on ? pulse.dataset.well : pulse.dataset.lost);
}

// Updates of one frame are shown together.
function follow(url, show, anew) {
  const waiting = new Map();
  let lost = false;
  const stream = new EventSource(url);
  stream.addEventListener('open', () => { beat(true); anew(lost); lost = false; });
  stream.addEventListener('error', () => { beat(false); lost = true; });
  stream.addEventListener('reset', () => { lost = true; });
  stream.addEventListener('lead', (event) => {
    const update = JSON.parse(event.data);
    if (!waiting.size) requestAnimationFrame(() => { const leads = [...waiting.values()]; waiting.clear(); show(leads); });
    waiting.set(keyOf(update.id, update.track), update);
  });
  addEventListener('pagehide', () => stream.close());
  addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
}

tellTimes();
if (hot) {
  follow(hot.dataset.stream, showLeads, (lost) => { if (lost) location.reload(); else setTimeout(resync, 2000); });
  setInterval(() => { if (!document.hidden) resync(); }, 30000);
  setInterval(() => { const body = hot.querySelector('tbody'); if (!body || document.hidden) return; all('tr', body).forEach(tickRow); if (hot.dataset.sort === 'score') sortRows(body); }, 1000);
}
if (lead) {
  follow(lead.dataset.stream, (leads) => leads.forEach(showLead), () => chase(UNKNOWN));
  setInterval(() => { if (!document.hidden) tickDial(); }, 1000);
  setInterval(() => { if (!document.hidden && !chase.running) look(); }, 30000);
}
setInterval(() => { if (!document.hidden) tellTimes(); }, 5000);
if (document.querySelector('[data-refresh]')) {
  setInterval(() => { if (!document.hidden) swap(['[data-refresh]', '.tiles']); }, 10000);
}
// A choice applies at once; text waits for Enter or the button.
for (const select of all('[data-filters] select')) select.addEventListener('change', () => select.form.requestSubmit());
