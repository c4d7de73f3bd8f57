// Looks at a page of the report as a person would who sees it, hears it, has no mouse, or has no network, and says what is wrong.
import { readFileSync, statSync } from 'node:fs'
import { fileURLToPath, pathToFileURL } from 'node:url'

const axe = readFileSync(fileURLToPath(new URL('node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8')

const mostBytes = 2_000_000

// open opens a file in a new tab without a network. The tab's faults grow with what goes wrong while it is looked at.
export async function open (browser, file, { scheme = 'light', width = 1280 } = {}) {
  const tab = await browser.newPage()
  tab.faults = []
  tab.on('console', message => { if (message.type() === 'error') tab.faults.push('console: ' + message.text()) })
  tab.on('pageerror', error => tab.faults.push('script: ' + error.message))
  const address = pathToFileURL(file).href
  tab.on('request', request => {
    const url = request.url().split('#')[0]
    if (url !== address && !url.startsWith('data:')) tab.faults.push('request: ' + url.slice(0, 100))
  })
  await tab.setOfflineMode(true)
  await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }])
  await tab.setViewport({ width, height: 900 })
  await tab.goto(address, { waitUntil: 'load' })
  await tab.evaluate(() => document.fonts.ready.then(() => true))
  return tab
}

// look says all that is wrong with an open page. It opens what is folded.
export async function look (tab, file) {
  const faults = []
  const { size } = statSync(file)
  if (size >= mostBytes) faults.push(`weight: ${size} bytes, want less than ${mostBytes}`)
  faults.push(...await tab.evaluate(inPage))
  faults.push(...await keyboard(tab))
  await tab.evaluate(() => { for (const folded of document.querySelectorAll('details')) folded.open = true })
  faults.push(...await tab.evaluate(tables))
  await tab.evaluate(axe)
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  for (const { id, impact, help, nodes } of violations) {
    if (impact === 'serious' || impact === 'critical') faults.push(`axe, ${impact}: ${id}: ${help}: ${nodes[0].html.slice(0, 120)}`)
  }
  return [...tab.faults, ...faults]
}

// inPage is about what the page has, and runs in it.
function inPage () {
  const faults = []
  const want = (holds, fault) => { if (!holds) faults.push(fault) }
  const one = selector => document.querySelectorAll(selector).length === 1
  want(document.documentElement.lang === 'en', 'structure: no language')
  want(document.title.length > 10, 'structure: no title')
  for (const selector of ['main', 'h1', 'body > header', 'nav', 'footer']) want(one(selector), `structure: want one ${selector}`)
  want(document.documentElement.scrollWidth <= innerWidth, `width: ${document.documentElement.scrollWidth} in a window of ${innerWidth}`)
  want(document.fonts.check('16px Inter'), 'font: Inter is not there')
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id)
  want(new Set(ids).size === ids.length, 'structure: an id stands twice')
  for (const link of document.querySelectorAll('a[href^="#"]')) want(document.getElementById(link.hash.slice(1)), `structure: ${link.hash} leads nowhere`)
  for (const figure of document.querySelectorAll('.chart')) {
    const drawn = [...figure.querySelectorAll('svg')].filter(svg => svg.getBoundingClientRect().height > 20 && svg.querySelectorAll('rect, circle, path, line').length > 0)
    want(drawn.length > 0, `chart: ${figure.dataset.chart} is empty`)
    for (const svg of drawn) {
      want(svg.getAttribute('role') === 'img' && svg.getAttribute('aria-label'), `chart: ${figure.dataset.chart} has no name`)
      const bounds = figure.getBoundingClientRect()
      want(svg.getBoundingClientRect().width <= bounds.width + 1, `chart: ${figure.dataset.chart} is wider than its place`)
      const words = [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect()).filter(box => box.width > 0)
      want(words.every(box => box.left >= 0 && box.right <= innerWidth), `chart: ${figure.dataset.chart} has words outside the window`)
    }
  }
  return faults
}

// tables compares the insights' tables with the data of the page, by a number format that is not the page's own.
function tables () {
  const faults = []
  const data = JSON.parse(document.getElementById('data').textContent)
  const format = new Intl.NumberFormat('en', { maximumFractionDigits: 2 })
  data.lakes.forEach((lake, at) => {
    for (const insight of lake.insights) {
      if (insight.fault || insight.rows.length === 0) continue
      const heading = document.getElementById(at === 0 ? insight.name : `${insight.name}-${at + 1}`)
      const bodies = [...heading.closest('section').querySelectorAll('tbody')]
      const whole = bodies.at(-1)
      if (whole?.rows.length !== insight.rows.length) {
        faults.push(`table: ${insight.name} has ${whole?.rows.length} rows, want ${insight.rows.length}`)
        continue
      }
      const shown = insight.columns.map((c, i) => [c.name, i]).filter(([name]) => !['event_id', 'event_a', 'event_b'].includes(name))
      insight.rows.forEach((row, r) => shown.forEach(([name, i], c) => {
        if (typeof row[i] !== 'number' || name.endsWith('share')) return
        const cell = whole.rows[r].cells[c].textContent.replace('−', '-')
        if (cell !== format.format(row[i])) faults.push(`table: ${insight.name}, row ${r + 1}, ${name}: ${cell}, want ${format.format(row[i])}`)
      }))
    }
  })
  return faults
}

// keyboard goes through the page by Tab.
async function keyboard (tab) {
  const faults = []
  const wanted = await tab.evaluate(() => {
    const all = [...document.querySelectorAll('a, summary, .scroll')].filter(e => e.checkVisibility())
    all.forEach((e, i) => { e.dataset.reach = i })
    return all.length
  })
  const order = []
  for (let i = 0; i < wanted + 1; i++) {
    await tab.keyboard.press('Tab')
    const at = await tab.evaluate(() => {
      const e = document.activeElement
      if (e === document.body) return null
      const { outlineStyle, outlineWidth } = getComputedStyle(e)
      return { reach: e.dataset.reach, visible: outlineStyle !== 'none' && outlineWidth !== '0px' }
    })
    if (!at || at.reach === undefined) break
    order.push(+at.reach)
    if (!at.visible) faults.push('keyboard: where the focus is cannot be seen')
  }
  const missed = Array.from({ length: wanted }, (_, i) => i).filter(i => !order.includes(i))
  if (missed.length > 0) faults.push(`keyboard: ${missed.length} of ${wanted} places are not reached`)
  if (order.some((n, i) => i > 0 && n < order[i - 1])) faults.push('keyboard: the order is not that of the page')
  return faults
}
