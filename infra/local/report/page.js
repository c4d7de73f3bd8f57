'use strict'
// Draws the charts. Every figure of theirs stands in a table beside them, so that a chart is one picture with a name to whom it is
// read aloud. Colours are the style's variables: a chart follows light and dark without being drawn again.
{
  const data = JSON.parse(document.getElementById('data').textContent)
  const ink = 'var(--ink)'; const soft = 'var(--soft)'; const line = 'var(--line)'
  const accent = 'var(--accent)'; const warm = 'var(--warm)'
  const number = new Intl.NumberFormat('en')
  const count = n => number.format(Math.round(n))
  const share = n => n > 0 && n < 0.005 ? '<1 %' : Math.round(n * 100) + ' %'
  const one = n => (Math.round(n * 10) / 10).toLocaleString('en')
  const cut = (text, most) => { const line = text.trim().replace(/\s+/g, ' '); return line.length > most ? line.slice(0, most - 1).trimEnd() + '…' : line }
  const dollars = n => '$' + (n < 100 ? n.toFixed(2) : count(n))
  const span = s => s < 5400 ? Math.round(s / 60) + ' min' : one(s / 3600) + ' h'
  const day = t => t ? new Date(t).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric', timeZone: 'UTC' }) : ''

  // rows are an insight's as objects, by the names of its columns.
  const insight = (lake, name) => data.lakes[lake].insights.find(i => i.name === name)
  const rows = found => found ? found.rows.map(row => Object.fromEntries(found.columns.map((c, i) => [c.name, row[i]]))) : []

  const element = (name, text, className) => {
    const made = document.createElement(name)
    if (text) made.textContent = text
    if (className) made.className = className
    return made
  }
  const legend = entries => {
    const list = element('ul', '', 'legend')
    for (const [colour, text] of entries) {
      const item = element('li')
      const mark = element('i')
      mark.style.background = colour
      item.append(mark, text)
      list.append(item)
    }
    return list
  }
  const plot = (label, options) => {
    const svg = Plot.plot({ style: { background: 'none', fontSize: '12px', color: ink }, ...options })
    svg.setAttribute('role', 'img')
    svg.setAttribute('aria-label', label + '. The same figures stand in the table that follows.')
    // Plot names the marks too, which what is inside of a picture may not be.
    for (const mark of svg.querySelectorAll('[aria-label], [aria-hidden]')) {
      mark.removeAttribute('aria-label')
      mark.removeAttribute('aria-hidden')
    }
    return svg
  }
  // list draws one bar a row with its name above or beside it, and what it comes to behind.
  const list = (label, width, entries, { value, name, text, fill = accent, extra = [], most, room }) => {
    const narrow = width < 560
    const top = most ?? Math.max(...entries.map(value))
    const left = narrow ? 0 : Math.min(300, 14 + 6.6 * Math.max(...entries.map(e => Math.min(name(e).length, 44))))
    const right = room ?? 9 + 6.9 * Math.max(...entries.map(e => text(e).length))
    const y = (_, i) => i
    return plot(label, {
      width, height: entries.length * (narrow ? 44 : 30) + 4, marginLeft: left, marginRight: right, marginTop: 2, marginBottom: 2,
      x: { domain: [0, top || 1], axis: null },
      y: { type: 'band', domain: entries.map(y), axis: null, paddingInner: narrow ? 0.62 : 0.36, paddingOuter: narrow ? 0.3 : 0.18, align: narrow ? 1 : 0.5 },
      marks: [
        ...extra.map(mark => mark(entries, y)),
        Plot.barX(entries, { x: value, y, fill, rx: 1.5 }),
        Plot.text(entries, narrow
          ? { x: 0, y, text: e => cut(name(e), Math.floor(width / 7)), textAnchor: 'start', dy: -18, fill: ink }
          : { frameAnchor: 'left', y, text: e => cut(name(e), 44), textAnchor: 'end', dx: -12, fill: ink }),
        Plot.text(entries, { x: value, y, text, textAnchor: 'start', dx: 7, fill: soft })
      ]
    })
  }

  const stages = [['registered', 'Registered'], ['came', 'Came'], ['stayed', 'Stayed'], ['asked', 'Asked'], ['downloaded', 'Downloaded']]
  // faults are package vendortest's, in words.
  const faults = {
    '429-seconds': '429, wait so many seconds', '429-date': '429, wait until a date', '429-iso': '429, wait until an ISO time', '429-bare': '429, without a hint',
    'over-limit': 'its own answer to too many', 500: '500, internal error', 408: '408, request timeout', cut: 'connection cut in the body', slow: 'right, but slow',
    truncated: '200, JSON ends in the middle', html: '200, a page in place of JSON', expired: '400, the token has expired'
  }
  const draw = {
    attendance_funnel (label, width, lake) {
      const held = rows(insight(lake, 'attendance_funnel')).filter(r => r.came > 0).sort((a, b) => b.registered - a.registered).slice(0, 6)
      const grid = element('div', '', 'grid')
      const gap = 40; const abreast = Math.max(1, Math.floor((width + gap) / (304 + gap)))
      const each = Math.floor((width - gap * (abreast - 1)) / abreast)
      grid.style.gridTemplateColumns = `repeat(${abreast}, minmax(0, 1fr))`
      // A vendor may know nothing of some.
      const known = stages.filter(([column], i) => i < 2 || held.some(r => r[column] > 0))
      for (const r of held) {
        const cell = element('div')
        cell.append(element('h4', r.title), element('p', day(r.starts_at)))
        cell.append(plot(`${label}: ${r.title}`, {
          width: each, height: 2 + 28 * known.length, marginLeft: 84, marginRight: 92, marginTop: 0, marginBottom: 0,
          x: { domain: [0, 1], axis: null }, y: { domain: known.map(s => s[1]), axis: null, padding: 0.26 },
          marks: [
            Plot.barX(known, { x: ([c]) => r[c] / Math.max(1, r.registered), y: s => s[1], fill: (_, i) => ['var(--accent-3)', 'var(--accent)', 'var(--accent)', 'var(--accent-2)', 'var(--accent-2)'][i], rx: 1.5 }),
            Plot.text(known, { frameAnchor: 'left', y: s => s[1], text: s => s[1], textAnchor: 'end', dx: -10, fill: ink }),
            Plot.text(known, { x: ([c]) => r[c] / Math.max(1, r.registered), y: s => s[1], text: ([c], i) => count(r[c]) + (i ? '  ' + share(r[c] / Math.max(1, r.registered)) : ''), textAnchor: 'start', dx: 7, fill: soft })
          ]
        }))
        grid.append(cell)
      }
      return held.length ? [grid] : []
    },
    topics (label, width, lake) {
      const all = rows(insight(lake, 'topics')).filter(r => r.came > 0).slice(0, 12)
      if (!all.length) return []
      const by = all.some(r => r.average_score != null) ? 'average_score' : 'average_minutes'
      return [element('p', by === 'average_score' ? 'Engagement score on average' : 'Minutes on average', 'note'),
        list(label, width, all, { value: r => r[by] ?? 0, name: r => r.topic ?? 'none', text: r => `${one(r[by] ?? 0)}   ${by === 'average_score' ? one(r.average_minutes ?? 0) + ' min, ' : ''}${count(r.came)} came` })]
    },
    no_shows (label, width, lake) {
      const registered = new Map(rows(insight(lake, 'attendance_funnel')).map(r => [r.event_id, r.registered]))
      const all = insight(lake, 'no_shows').webinars.slice().sort((a, b) => b.rows - a.rows).slice(0, 12)
      const whole = w => Math.max(w.rows, registered.get(w.event_id) ?? 0)
      return [legend([[accent, 'did not come'], ['var(--accent-4)', 'registered']]),
        list(label, width, all, {
          value: w => w.rows, name: w => w.title, most: Math.max(...all.map(whole)),
          text: w => count(w.rows) + (registered.has(w.event_id) ? `  ${share(w.rows / whole(w))}` : ''),
          extra: [(entries, y) => Plot.barX(entries, { x: whole, y, fill: 'var(--accent-4)', rx: 1.5 })]
        })]
    },
    open_questions (label, width, lake) {
      const all = insight(lake, 'open_questions').webinars.slice().sort((a, b) => b.rows - a.rows).slice(0, 12)
      return [list(label, width, all, { value: w => w.rows, name: w => w.title, text: w => count(w.rows) })]
    },
    audience_overlap (label, width, lake) {
      const pairs = rows(insight(lake, 'audience_overlap')).filter(r => r.both > 0)
      const titles = new Map(pairs.flatMap(r => [[r.event_a, r.title_a], [r.event_b, r.title_b]]))
      const ids = [...titles.keys()]
      if (ids.length > 10 || width < 560) {
        const top = pairs.sort((a, b) => b.both - a.both).slice(0, 12)
        return [list(label, width, top, { value: r => r.both, name: r => `${cut(r.title_a, 20)} & ${cut(r.title_b, 20)}`, text: r => `${count(r.both)}  ${share(r.share)}` })]
      }
      const letter = id => String.fromCharCode(65 + ids.indexOf(id))
      const cells = pairs.flatMap(r => [{ a: r.event_a, b: r.event_b, ...r, of: r.share }, { ...r, a: r.event_b, b: r.event_a, of: r.share }])
      const side = Math.min(64, (width - 300) / ids.length)
      return [element('p', 'Share of the smaller audience that was at both', 'note'), plot(label, {
        width: Math.min(width, 300 + side * ids.length + 8), height: 28 + 40 * ids.length, marginLeft: 300, marginTop: 26, marginBottom: 2, marginRight: 4,
        x: { domain: ids, axis: null, padding: 0.05 }, y: { domain: ids, axis: null, padding: 0.05 },
        marks: [
          Plot.cell(ids, { x: d => d, y: d => d, fill: 'var(--raised)' }),
          Plot.cell(cells, { x: 'a', y: 'b', fill: accent, fillOpacity: c => 0.06 + 0.42 * Math.min(1, c.of) }),
          Plot.text(cells, { x: 'a', y: 'b', text: c => share(c.of), fill: ink }),
          Plot.text(ids, { frameAnchor: 'left', y: d => d, text: d => cut(titles.get(d) ?? d, 40), textAnchor: 'end', dx: -34, fill: ink }),
          Plot.text(ids, { frameAnchor: 'left', y: d => d, text: letter, textAnchor: 'middle', dx: -16, fill: soft }),
          Plot.text(ids, { frameAnchor: 'top', x: d => d, text: letter, dy: -14, fill: soft })
        ]
      })]
    },
    monthly_trend (label, width, lake) {
      const all = rows(insight(lake, 'monthly_trend')).sort((a, b) => a.month < b.month ? -1 : 1).slice(-24)
      const most = Math.max(...all.map(r => r.registered))
      return [legend([['var(--accent-3)', 'registered'], [accent, 'came']]), plot(label, {
        width: Math.min(width, 60 + all.length * 96), height: 230, marginLeft: 8, marginRight: 8, marginTop: 22, marginBottom: 26,
        x: { type: 'band', domain: all.map(r => r.month), padding: all.length > 12 ? 0.3 : 0.4, label: null, tickSize: 0 },
        y: { domain: [0, most || 1], axis: null },
        marks: [
          Plot.barY(all, { x: 'month', y: 'registered', fill: 'var(--accent-3)', rx: 1.5 }),
          Plot.barY(all, { x: 'month', y: 'came', fill: accent, rx: 1.5 }),
          Plot.text(all, { x: 'month', y: 'registered', text: r => all.length * 58 > width ? share(r.came_share ?? 0) : `${share(r.came_share ?? 0)} came`, dy: -10, fill: soft }),
          Plot.ruleY([0], { stroke: line })
        ]
      })]
    },

    windows (label, width) {
      const states = { once: ['var(--accent-2)', 'read once'], replaced: ['var(--accent-3)', 'replaced by a later reading'], shortened: [warm, 'backed off or read in several goes'] }
      const state = w => w.backoffs || w.resumes ? 'shortened' : w.generation > 1 ? 'replaced' : 'once'
      const from = new Date(data.from); const until = new Date(data.until)
      const streams = data.run.streams.map(s => ({ name: s.name, windows: s.windows.filter(w => new Date(w.start) >= from) })).filter(s => s.windows.length)
      const drawn = streams.flatMap(s => {
        const most = Math.max(1, ...s.windows.map(w => w.records))
        // What is read webinar by webinar has a moment for a window.
        const least = (until - from) / 150
        return s.windows.map(w => ({ ...w, stream: s.name, start: new Date(w.start), end: new Date(Math.min(until, Math.max(new Date(w.end), +new Date(w.start) + (w.start === w.end ? least : 0)))), height: Math.max(0.03, Math.sqrt(w.records / most)), state: state(w) }))
      })
      const names = streams.map(s => s.name)
      const marked = drawn.filter(w => w.state === 'shortened')
      // Where many are marked, the marks alone can be told apart; the table has the rest.
      const told = names.flatMap(name => { const of = marked.filter(w => w.stream === name); return of.length > 3 ? [] : of })
      const says = w => [w.backoffs && `shortened ${w.backoffs}×`, w.resumes && `in ${w.resumes + 1} goes`].filter(Boolean).join(', ')
      // Each span that was asked for and held too many is twice the next.
      const tried = marked.flatMap(w => Array.from({ length: w.backoffs ?? 0 }, (_, k) => ({ stream: w.stream, x1: w.start, x2: new Date(Math.min(until, +w.start + (w.end - w.start) * 2 ** (w.backoffs - k))), y: 1 - 0.13 * k })))
      const clock = t => t.toISOString().slice(11, 16)
      return [legend(Object.keys(states).filter(name => drawn.some(w => w.state === name)).map(name => states[name])), plot(label, {
        width, height: 36 + names.length * 84, marginLeft: 1, marginRight: 1, marginTop: 26, marginBottom: 26,
        x: { type: 'utc', domain: [from, until], label: null, ticks: width < 560 ? 4 : 8, tickSize: 0, tickFormat: clock }, y: { domain: [0, 1], axis: null },
        fy: { domain: names, axis: null, padding: 0.44 },
        marks: [
          Plot.ruleY(names, { fy: d => d, y: 0, stroke: line }),
          Plot.rectY(drawn, { fy: 'stream', x1: 'start', x2: 'end', y: 'height', fill: w => states[w.state][0], insetLeft: 0.5, insetRight: 0.5 }),
          Plot.ruleX(marked, { fy: 'stream', x: 'start', y1: 0, y2: 1, stroke: warm, strokeWidth: 1.5 }),
          Plot.ruleY(tried, { fy: 'stream', y: 'y', x1: 'x1', x2: 'x2', stroke: warm, strokeWidth: 1.5 }),
          Plot.text(told, { fy: 'stream', x: 'start', y: 1, text: says, textAnchor: 'end', dx: -7, dy: 3, fill: warm, fontWeight: 600 }),
          Plot.text(streams, { fy: 'name', frameAnchor: 'top-left', text: s => s.name, fontWeight: 600, dy: -18, fill: ink }),
          Plot.text(streams, { fy: 'name', frameAnchor: 'top-right', text: s => `${count(s.windows.length)} ${s.windows.every(w => w.start === w.end) ? 'webinars' : 'windows'}, ${width < 560 ? 'most' : 'the fullest with'} ${count(Math.max(...s.windows.map(w => w.records)))}`, dy: -18, fill: soft })
        ]
      })]
    },
    freshness (label, width) {
      const all = data.run.streams.flatMap(({ name, freshness: f }) => [
        { name, kind: 'on time', first: true, bound: f.boundSeconds, ...f.onTime }, { name, kind: 'later or changed', first: f.onTime.records === 0, ...f.others }
      ]).filter(f => f.records > 0).map((f, i) => ({ ...f, i, p50: Math.max(60, f.p50Seconds), p95: Math.max(60, f.p95Seconds) }))
      if (!all.length) return []
      const bounds = all.filter(f => f.bound)
      const values = all.flatMap(f => [f.p50, f.p95, f.bound || f.p95])
      const domain = [Math.min(600, ...values), Math.max(7200, ...values) * 1.1]
      const ticks = [600, 1800, 3600, 7200, 14400, 28800, 86400, 172800].filter(t => t >= domain[0] && t <= domain[1])
      const narrow = width < 560
      const of = { y: 'i' }
      return [legend([[accent, 'on time, from median to 95th percentile'], ['var(--accent-3)', 'shown later, or changed'], ...(bounds.length ? [[warm, 'bound for 95 % of those on time']] : [])]), plot(label, {
        width, height: 30 + all.length * 24, marginLeft: narrow ? 82 : 130, marginRight: 56, marginTop: 26, marginBottom: 4,
        x: { type: 'log', domain, axis: null }, y: { type: 'band', domain: all.map(f => f.i), axis: null },
        marks: [
          Plot.ruleX(ticks, { stroke: line }),
          Plot.text(ticks, { x: t => t, frameAnchor: 'top', text: t => t < 3600 ? t / 60 + ' min' : t / 3600 + ' h', dy: -16, fill: soft }),
          Plot.link(all, { ...of, x1: 'p50', x2: 'p95', stroke: f => f.kind === 'on time' ? accent : 'var(--accent-3)', strokeWidth: 7, strokeLinecap: 'round' }),
          Plot.tickX(bounds, { ...of, x: 'bound', stroke: warm, strokeWidth: 2 }),
          Plot.text(all.filter(f => f.first), { ...of, frameAnchor: 'left', text: 'name', textAnchor: 'end', dx: -16, fill: ink }),
          Plot.text(all, { ...of, x: f => Math.max(f.p95, f.bound || 0), text: f => span(f.p95), textAnchor: 'start', dx: 10, fill: soft })
        ]
      })]
    },
    requests (label, width) {
      const all = data.run.streams
      return [legend([['var(--accent-3)', 'answered at once'], [warm, 'made again']]), list(label, width, all, {
        value: s => s.retries, name: s => s.name, fill: warm, most: Math.max(...all.map(s => s.requests)),
        text: s => '', extra: [
          (entries, y) => Plot.barX(entries, { x: s => s.requests, y, fill: 'var(--accent-3)', rx: 1.5 }),
          (entries, y) => Plot.text(entries, { x: s => s.requests, y, text: s => `${count(s.requests)}, ${count(s.retries)} again`, textAnchor: 'start', dx: 7, fill: soft })
        ], room: 150
      })]
    },
    faults (label, width) {
      const all = Object.entries(data.run.faults).sort((a, b) => b[1] - a[1])
      return [element('h4', 'What the simulated vendor did on purpose'), list(label, width, all, { value: f => f[1], name: f => faults[f[0]] ?? f[0], text: f => count(f[1]), fill: 'var(--accent-2)' })]
    },
    memory (label, width) {
      const { memory, memoryMB } = data.run
      return [list(label, width, memory, {
        value: m => m.peakMB, name: m => m.function, text: m => one(m.peakMB) + ' MB', most: memoryMB || undefined,
        extra: [(entries, y) => Plot.barX(entries, { x: () => memoryMB, y, fill: 'var(--raised)' })]
      })]
    },
    costs (label, width) {
      const c = data.costs
      const kinds = [['work', 'work: compute, requests, transitions', accent], ['kept', 'alarms, metrics, logs, storage, secrets', 'var(--accent-3)'], ['glue', 'compute of Glue jobs', warm]]
      const bars = [
        { name: 'A year of quiet days', work: c.workQuietYearUSD, kept: c.quietYearUSD - c.workQuietYearUSD, glue: 0 },
        { name: 'A year of days like this one', work: c.workBusyYearUSD, kept: c.busyYearUSD - c.workBusyYearUSD, glue: 0 },
        { name: 'The same as Glue jobs', work: 0, kept: 0, glue: c.glueYearUSD }
      ]
      const whole = b => b.work + b.kept + b.glue
      return [legend(kinds.map(([, text, colour]) => [colour, text])), list(label, width, bars, {
        value: b => b.work, name: b => b.name, most: Math.max(...bars.map(whole)), text: b => '', room: 60,
        extra: [
          (entries, y) => Plot.barX(entries, { x: b => b.work + b.kept, y, fill: 'var(--accent-3)', rx: 1.5 }),
          (entries, y) => Plot.barX(entries, { x: b => b.glue, y, fill: warm, rx: 1.5 }),
          (entries, y) => Plot.text(entries, { x: whole, y, text: b => dollars(whole(b)), textAnchor: 'start', dx: 7, fill: ink, fontWeight: 600 })
        ]
      })]
    }
  }

  const render = figure => {
    const width = Math.floor(figure.clientWidth)
    if (!width || width === figure.drawnWidth) return
    figure.drawnWidth = width
    try {
      figure.replaceChildren(...draw[figure.dataset.chart](figure.dataset.title, width, +(figure.dataset.lake ?? 0)))
    } catch (error) {
      // The table has the figures all the same, and the other charts are drawn.
      console.error(error)
      figure.replaceChildren()
    }
    figure.hidden = !figure.firstChild
  }
  const observer = new ResizeObserver(entries => { for (const entry of entries) render(entry.target) })
  for (const figure of document.querySelectorAll('.chart')) {
    render(figure)
    observer.observe(figure)
  }
}
