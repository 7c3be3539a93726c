// SPDX-License-Identifier: Apache-2.0
// Shows the state that /events sends. Whatever a cluster's objects are called becomes text: elements are made by h(),
// and the page's Content-Security-Policy forbids to make them from strings.
'use strict';

const SILENCE = 15000; // the server speaks each 5 s: after this the connection is lost, whatever the browser believes
const RETRY = 2000;
const byId = (id) => document.getElementById(id);

let state = null; // as the last event had it
let heard = 0; // when the server last spoke
let source = null;
const opened = new Set(); // the VIPs whose details are shown

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === 'onclick') element.addEventListener('click', value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

// ---- text

function age(time) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000));
  if (Number.isNaN(seconds)) return '';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 172800) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86400)}d`;
}

function clockTime(time) {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? time : at.toLocaleString();
}

const timeOf = (time) => (time ? h('time', { datetime: time, title: clockTime(time) }, age(time)) : null);

// Pools of IPv6 have more addresses than a number counts exactly.
function count(text) {
  return text.length > 9 ? Number(text).toExponential(1).replace('e+', ' × 10^') : text;
}

function plural(number, one, many) {
  return `${number} ${number === 1 ? one : many}`;
}

// ---- lists that change in place: a row that stays the same keeps its element, and with it focus and selection

function show(container, rows) {
  const before = new Map();
  for (const child of [...container.children]) before.set(child.dataset.key, child);
  let at = container.firstElementChild;
  for (const { key, sign, make } of rows) {
    let element = before.get(key);
    before.delete(key);
    if (!element || element.dataset.sign !== sign) {
      const made = make();
      made.dataset.key = key;
      made.dataset.sign = sign;
      if (element) {
        if (element === at) at = at.nextElementSibling;
        element.replaceWith(made);
        container.insertBefore(made, at);
        element = made;
        continue;
      }
      element = made;
    }
    if (element === at) at = at.nextElementSibling;
    else container.insertBefore(element, at);
  }
  for (const gone of before.values()) gone.remove();
}

const row = (key, value, make) => ({ key, sign: JSON.stringify(value), make: () => make(value) });

function keepingFocus(change) {
  const name = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.focus : null;
  change();
  if (!name || (document.activeElement && document.activeElement.dataset.focus === name)) return;
  const again = document.querySelector(`[data-focus="${CSS.escape(name)}"]`);
  if (again) again.focus({ preventScroll: true });
}

// ---- filter

const wanted = () => byId('filter').value.trim().toLowerCase();

function matches(value) {
  const text = wanted();
  return !text || JSON.stringify(value).toLowerCase().includes(JSON.stringify(text).slice(1, -1));
}

function filterBy(text) {
  byId('filter').value = text;
  render();
  byId('filter').focus();
}

// where: tells the same name in several rows apart.
function link(text, where) {
  return h('button', { type: 'button', title: 'Show only what names this', 'data-focus': `${where} ${text}`,
    onclick: () => filterBy(text) }, text);
}

function empty(id, all, shown, omitted, ...whenThereIsNothing) {
  const element = byId(`${id}-empty`);
  const table = element.previousElementSibling;
  table.hidden = shown === 0;
  element.replaceChildren();
  element.classList.remove('good');
  element.hidden = shown > 0 && !omitted;
  if (omitted) {
    element.append(h('p', {}, `${omitted} more are not shown here. kubectl barevip status lists all.`));
  } else if (all > 0 && shown === 0) {
    element.append(h('p', {}, 'Nothing here matches the filter. ',
      h('button', { type: 'button', onclick: () => filterBy('') }, 'Clear it')));
  } else if (shown === 0) {
    element.append(...whenThereIsNothing);
  }
}

// ---- sections

function summary(id, number, words, kind) {
  return row(id, [number, words, kind], () => h('a', { href: `#${id}`, class: kind, 'data-focus': `summary ${id}` },
    h('strong', {}, String(number)), h('span', { class: 'muted' }, words)));
}

function renderSummary() {
  const problems = state.problems.filter((each) => each.level === 'problem').length + state.omitted.problems;
  const warnings = state.problems.length + state.omitted.problems - problems;
  const eligible = state.nodes.filter((each) => each.eligible).length;
  const unready = state.pools.filter((each) => !each.ready).length;
  const addresses = new Set(state.vips.map((each) => each.address)).size + state.omitted.vips;
  show(byId('summary'), [
    summary('problems', problems, `${problems === 1 ? 'problem' : 'problems'}, ${plural(warnings, 'warning', 'warnings')}`,
      problems ? 'bad' : warnings ? 'warn' : 'good'),
    summary('pools', state.pools.length + state.omitted.pools, unready ? `Pools, ${unready} not ready` : 'Pools', unready ? 'bad' : ''),
    summary('vips', addresses, 'VIPs', ''),
    summary('nodes', `${eligible} of ${state.nodes.length + state.omitted.nodes}`, 'nodes may announce', ''),
  ]);
}

function renderProblems() {
  const shown = state.problems.filter(matches);
  show(byId('problems-rows'), shown.map((each) => row(JSON.stringify(each), each, finding)));
  empty('problems', state.problems.length, shown.length, state.omitted.problems, h('p', {}, 'No problems.'));
  byId('problems-empty').classList.toggle('good', state.problems.length === 0);
}

function finding(each) {
  return h('li', { class: each.level },
    h('span', { class: 'level' }, each.level === 'problem' ? 'Problem' : 'Warning'),
    h('span', {}, `${each.kind} `, link(each.object, `finding ${each.reason}`)),
    h('span', {}, h('span', { class: 'reason' }, each.reason), ' ', each.message));
}

function renderPools() {
  const shown = state.pools.filter(matches);
  show(byId('pools-rows'), shown.map((each) => row(each.name, each, pool)));
  empty('pools', state.pools.length, shown.length, state.omitted.pools,
    h('p', {}, 'There is no Pool yet, so that no Service gets an address. Give barevip addresses of your network:'),
    h('pre', {}, 'kubectl apply -f - <<END\napiVersion: barevip.dev/v1alpha1\nkind: Pool\n' +
      'metadata: {name: default}\nspec: {addresses: [192.168.1.200-192.168.1.220]}\nEND'));
}

function pool(each) {
  return h('tr', {},
    h('td', { 'data-label': 'Pool' }, link(each.name, 'pool')),
    h('td', { 'data-label': 'State' }, each.ready ? h('span', { class: 'good' }, 'ready') : h('span', { class: 'bad' }, 'not ready')),
    h('td', { 'data-label': 'IPv4' }, usage(each, 'ipv4')),
    h('td', { 'data-label': 'IPv6' }, usage(each, 'ipv6')));
}

function usage(each, family) {
  const capacity = Number(each.capacity[family]);
  if (!capacity) return h('span', { class: 'muted' }, 'none');
  const free = Number(each.available[family]);
  const used = Math.min(1, Math.max(0, 1 - free / capacity));
  const kind = free === 0 ? 'bar full' : free <= capacity / 10 ? 'bar nearly' : 'bar';
  const fill = h('span', {});
  fill.style.width = `${100 * used}%`;
  const words = `${count(each.allocated[family])} of ${count(each.capacity[family])} allocated, ${count(each.available[family])} free`;
  return h('div', { class: 'usage' },
    h('div', { class: kind, role: 'img', 'aria-label': `${Math.round(100 * used)}% in use` }, fill),
    h('span', {}, words));
}

function renderVips() {
  const traffic = new Map(state.traffic.map((each) => [each.address, each]));
  const vips = state.vips.map((each) => ({ ...each, traffic: traffic.get(each.address) || null }));
  const shown = vips.filter(matches);
  const rows = [];
  for (const each of shown) {
    const key = `${each.namespace}/${each.ipObject}`;
    const open = opened.has(key);
    const moves = state.moves.filter((move) => move.address === each.address).slice(0, 8);
    rows.push(row(key, [each, open], () => vip(each, key, open)));
    if (open) rows.push(row(`${key} detail`, [each, moves, state.dashboardUrl], () => vipDetail(each, moves)));
  }
  show(byId('vips-rows'), rows);
  empty('vips', vips.length, shown.length, state.omitted.vips,
    h('p', {}, state.pools.length ? 'No Service has an address yet. Make one reachable:' : 'No Service has an address yet.'),
    state.pools.length ? h('pre', {}, 'kubectl expose deployment NAME --port 80 --type LoadBalancer') : '');
}

function vip(each, key, open) {
  const toggle = () => {
    if (opened.has(key)) opened.delete(key);
    else opened.add(key);
    render();
  };
  const names = each.services.length
    ? each.services.map((name, i) => [i ? ', ' : null, link(`${each.namespace}/${name}`, `vip ${key}`)])
    : [h('span', { class: 'muted' }, `reserved by IP ${each.namespace}/${each.ipObject}`)];
  return h('tr', {},
    h('td', { 'data-label': 'Address', class: 'address' },
      h('button', { type: 'button', class: 'open', 'aria-expanded': String(open), 'data-focus': `open ${key}`, onclick: toggle }, each.address)),
    h('td', { 'data-label': 'Service' }, h('span', {}, names.flat())),
    h('td', { 'data-label': 'Pool' }, each.pool ? link(each.pool, `vip ${key}`) : ''),
    h('td', { 'data-label': 'Announced by' }, announcer(each, key)),
    h('td', { 'data-label': 'Backends', class: 'number' }, backends(each.traffic)),
    h('td', { 'data-label': 'Since', class: 'number' }, timeOf(each.since)));
}

function backends(traffic) {
  if (!traffic) return '';
  if (traffic.byKubeProxy) return h('span', { class: 'muted' }, 'by kube-proxy');
  if (!traffic.ports.some((port) => port.backends !== null)) return h('span', { class: 'muted' }, 'not known');
  const most = Math.max(...traffic.ports.map((port) => port.total));
  return most ? String(most) : h('span', { class: 'warn' }, 'none');
}

function announcer(each, key) {
  const owner = each.traffic ? each.traffic.owner : '';
  if (!each.node) return h('span', { class: each.services.length ? 'bad' : 'muted' }, owner ? `no node yet; ${owner} is elected` : 'no node');
  if (!owner || owner === each.node) return link(each.node, `vip ${key} node`);
  return h('span', {}, link(each.node, `vip ${key} node`), h('span', { class: 'warn' }, ` moves to ${owner}`));
}

function vipDetail(each, moves) {
  const ports = each.traffic ? each.traffic.ports : [];
  return h('tr', { class: 'detail' }, h('td', { colspan: 6 }, h('div', { class: 'ports' },
    ports.map(port),
    ports.length ? rates(each) : h('p', { class: 'muted' }, withoutPorts(each)),
    h('div', {}, h('h3', {}, 'Moves'), moves.length ? h('ol', { class: 'moves' }, moves.map(move))
      : h('p', { class: 'muted' }, `none since ${clockTime(state.movesSince)}`)))));
}

function withoutPorts(each) {
  if (!each.traffic || !each.traffic.byKubeProxy) return 'No port of a Service is served at this address.';
  return 'kube-proxy forwards this address (barevip.dev/forward: kube-proxy): it chooses the backends, and barevip counts no traffic.';
}

// The nodes count traffic, and Prometheus knows it: docs/decisions/0042-rates-by-prometheus.md.
function rates(each) {
  const query = `sum by (service, port, protocol) (rate(barevip_node_vip_incoming_bytes_total{address=${JSON.stringify(each.address)}}[5m]))`;
  const variables = new URLSearchParams(each.services.map((name) => ['var-service', name]));
  variables.append('var-namespace', each.namespace);
  return h('div', {}, h('h3', {}, 'Rates'),
    state.dashboardUrl ? h('p', {}, h('a', { href: `${state.dashboardUrl}/d/barevip-vip?${variables}`, target: '_blank', rel: 'noopener noreferrer',
      'data-focus': `rates ${each.namespace}/${each.ipObject}` }, 'Traffic of its Services in Grafana')) : null,
    h('p', { class: 'muted' }, 'Bytes each second from clients, for Prometheus: ', h('code', {}, query)));
}

function port(each) {
  const where = each.local ? '; the announcing node forwards to its own alone (externalTrafficPolicy Local)' : '';
  let backends = h('p', { class: 'muted' }, 'backends are not known');
  if (each.backends !== null) {
    backends = each.total
      ? h('ul', {}, each.backends.map((one) => h('li', {}, h('span', { class: 'address' }, one.endpoint),
        one.node ? h('span', { class: 'muted' }, ` on ${one.node}`) : null)),
      each.total > each.backends.length ? h('li', { class: 'muted' }, `and ${each.total - each.backends.length} more`) : null)
      : h('p', { class: 'warn' }, 'No endpoint is ready. Look at the pods that the Service selects.');
  }
  return h('div', {}, h('h3', {}, `${each.service} ${each.port}${where}`), backends);
}

function renderNodes() {
  const shown = state.nodes.filter(matches);
  show(byId('nodes-rows'), shown.map((each) => row(each.name, each, node)));
  empty('nodes', state.nodes.length, shown.length, state.omitted.nodes, h('p', {}, 'No node is known.'));
}

function node(each) {
  return h('tr', {},
    h('td', { 'data-label': 'Node' }, link(each.name, 'node')),
    h('td', { 'data-label': 'Kubernetes' }, each.ready ? h('span', { class: 'good' }, 'Ready') : h('span', { class: 'bad' }, 'not Ready')),
    h('td', { 'data-label': 'Node daemon' }, h('span', { class: each.eligible ? 'good' : 'warn' }, each.daemon)),
    h('td', { 'data-label': 'VIPs', class: 'number' }, String(each.vips)));
}

function renderMoves() {
  const shown = state.moves.filter(matches);
  show(byId('moves-rows'), shown.map((each, i) => row(`${JSON.stringify(each)} ${i}`, each, move)));
  empty('moves', state.moves.length, shown.length, 0, h('p', {}, 'No VIP moved.'));
  byId('moves-since').textContent = `As this process saw them since ${clockTime(state.movesSince)}; the last 256 at most.`;
}

function move(each) {
  const words = !each.from ? `announced by ${each.to}` : !each.to ? `withdrawn by ${each.from}` : `${each.from} → ${each.to}`;
  return h('li', {}, h('time', { datetime: each.time, 'data-absolute': '' }, clockTime(each.time)),
    h('span', { class: 'address' }, each.address), h('span', {}, words));
}

function renderRole() {
  const words = {
    leader: 'leader',
    standby: state.leader ? `standby; ${state.leader} leads` : 'standby; nobody leads',
    alone: 'operator',
  };
  byId('role').textContent = words[state.role];
  byId('role').hidden = false;
  byId('about').textContent = `barevip ${state.version}, ${state.identity}`;
  const problems = state.problems.filter((each) => each.level === 'problem').length;
  document.title = problems ? `(${problems}) barevip status` : 'barevip status';
  show(byId('notes'), state.notes.map((note) => row(note, note, () => h('li', {}, note))));
}

function render() {
  if (!state) return;
  keepingFocus(() => {
    renderRole();
    renderSummary();
    renderProblems();
    renderPools();
    renderVips();
    renderNodes();
    renderMoves();
  });
}

// ---- connection

function connection(kind, words) {
  const element = byId('connection');
  if (element.dataset.state === kind && byId('connection-text').textContent === words) return;
  element.dataset.state = kind;
  byId('connection-text').textContent = words;
  byId('banner').hidden = kind !== 'lost';
  document.body.classList.toggle('stale', kind === 'lost');
}

function lost(why) {
  if (source) source.close();
  source = null;
  connection('lost', 'connection lost');
  const shown = state ? ` The page shows the state of ${new Date(heard).toLocaleTimeString()}.` : '';
  byId('banner').textContent = `${why}${shown} It tries again each 2 seconds.`;
  setTimeout(connect, RETRY);
}

async function whyNot() {
  try {
    const answer = await fetch('/events', { method: 'HEAD' });
    if (answer.status === 503) return 'The operator serves as many pages as it may: close another one.';
  } catch {
    // Nobody answers: said below.
  }
  return 'The connection to the operator is lost. If kubectl port-forward ended, start it again.';
}

function connect() {
  const mine = new EventSource('/events');
  source = mine;
  heard = heard || Date.now();
  const since = Date.now();
  const alive = () => {
    heard = Date.now();
    connection('live', 'live');
  };
  mine.addEventListener('alive', alive);
  mine.addEventListener('status', (event) => {
    state = JSON.parse(event.data);
    alive();
    render();
  });
  mine.onerror = async () => {
    if (source !== mine) return;
    mine.close();
    source = null;
    lost(await whyNot());
  };
  mine.since = since;
}

setInterval(() => {
  if (source && Date.now() - Math.max(heard, source.since) > SILENCE) lost('The operator has not answered for 15 seconds.');
  for (const element of document.querySelectorAll('time:not([data-absolute])')) {
    element.textContent = age(element.getAttribute('datetime'));
  }
}, 1000);

byId('filter').addEventListener('input', render);
document.addEventListener('keydown', (event) => {
  const typing = event.target instanceof HTMLInputElement;
  if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    byId('filter').focus();
  } else if (event.key === 'Escape' && byId('filter').value) {
    filterBy('');
  }
});
connect();
